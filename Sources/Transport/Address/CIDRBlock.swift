/// The addresses that share a prefix (RFC 4632 §3.1, RFC 4291 §2.3).
package struct CIDRBlock: Hashable, Sendable {
    package let first: IPAddress
    package let last: IPAddress

    /// Why a text is no block.
    package enum Mistake: Error, Hashable {
        case notABlock
        /// Bits behind the prefix are set; the block that was perhaps meant.
        case hostBits(suggestion: String)
    }

    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address alone.
    package init(_ text: String) throws(Mistake) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { throw .notABlock }
        let isIPv4 = !parts[0].contains(":")
        var prefix = isIPv4 ? 32 : 128
        if parts.count == 2 {
            guard let given = Self.prefix(parts[1]), given <= prefix else { throw .notABlock }
            prefix = given
        }
        let mask = IPAddress.hostMask(isIPv4 ? 96 + prefix : prefix)
        let network = IPAddress(bits: address.bits & ~mask)
        guard network == address else { throw .hostBits(suggestion: "\(network)/\(prefix)") }
        first = network
        last = IPAddress(bits: address.bits | mask)
    }

    private static func prefix(_ digits: Substring) -> Int? {
        guard (1...3).contains(digits.utf8.count), digits == "0" || !digits.hasPrefix("0"),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(digits)
    }
}

/// A set of blocks, ordered so that one look takes few steps.
package struct CIDRSet: Hashable, Sendable {
    private var firsts: [UInt128] = []
    private var lasts: [UInt128] = []

    package init(_ blocks: [CIDRBlock] = []) {
        for block in blocks.sorted(by: { $0.first.bits < $1.first.bits }) {
            if let last = lasts.last, block.first.bits <= last {
                lasts[lasts.count - 1] = max(last, block.last.bits)
            } else {
                firsts.append(block.first.bits)
                lasts.append(block.last.bits)
            }
        }
    }

    package var isEmpty: Bool { firsts.isEmpty }

    package func contains(_ address: IPAddress) -> Bool {
        var low = 0
        var high = firsts.count
        while low < high {
            let middle = (low &+ high) / 2
            if firsts[middle] <= address.bits { low = middle &+ 1 } else { high = middle }
        }
        return low > 0 && address.bits <= lasts[low &- 1]
    }
}
