/// A network by its CAIP-2 name, chain or not.
///
/// `eip155:8453`, `offchain:bank`. Two networks are the same when their names are the same bytes (CAIP-2 is
/// case-sensitive).
package struct Network: Hashable, Sendable, CustomStringConvertible {
    /// The CAIP-2 name, `namespace:reference`.
    package let name: String
    /// The chain id of an `eip155` network, nil for every other.
    package let chainID: UInt64?

    /// Nil unless `name` is CAIP-2: namespace `[-a-z0-9]{3,8}`, reference `[-_a-zA-Z0-9]{1,32}`.
    package init?(_ name: String) {
        var name = name
        guard let network = name.withUTF8({ Network(utf8: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = network
    }

    /// The same from bytes; of an `eip155` network the reference must be a chain id without leading zero.
    package init?(utf8 name: UnsafeRawBufferPointer) {
        if name.count > Self.evmPrefix.utf8CodeUnitCount, Self.hasEVMPrefix(name) {
            let reference = UnsafeRawBufferPointer(rebasing: name[Self.evmPrefix.utf8CodeUnitCount...])
            guard let chain = Self.decimal(reference) else { return nil }
            self.name = String(decoding: name, as: UTF8.self)
            self.chainID = chain
            return
        }
        guard name.count <= 8 + 1 + 32, let colon = name.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let namespace = UnsafeRawBufferPointer(rebasing: name[..<colon])
        let reference = UnsafeRawBufferPointer(rebasing: name[(colon + 1)...])
        guard (3...8).contains(namespace.count), (1...32).contains(reference.count) else { return nil }
        guard namespace.allSatisfy(Self.isNamespaceByte), reference.allSatisfy(Self.isReferenceByte) else { return nil }
        self.name = String(decoding: name, as: UTF8.self)
        self.chainID = nil
    }

    private static var evmPrefix: StaticString { "eip155:" }

    private static func hasEVMPrefix(_ name: UnsafeRawBufferPointer) -> Bool {
        for index in 0..<evmPrefix.utf8CodeUnitCount where name[index] != evmPrefix.utf8Start[index] { return false }
        return true
    }

    /// The network of an EVM chain.
    package init(chainID: UInt64) {
        self.name = "eip155:\(chainID)"
        self.chainID = chainID
    }

    /// The part before the colon.
    package var namespace: Substring { name.prefix { $0 != ":" } }

    /// The name that x402 version 1 gives this network, if all its readers agree on one.
    package var v1Name: String? { chainID.flatMap(V1NetworkNames.name(of:)) }

    /// The network that an x402 version 1 name means.
    package static func named(v1 name: String) -> Network? {
        V1NetworkNames.chainID(of: name).map(Network.init(chainID:))
    }

    package var description: String { name }

    private static func isNamespaceByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }

    private static func isReferenceByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        default: isNamespaceByte(byte)
        }
    }

    /// Digits without sign or leading zero, as a chain id is written.
    private static func decimal(_ digits: UnsafeRawBufferPointer) -> UInt64? {
        guard let first = digits.first, first != UInt8(ascii: "0") else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte &- UInt8(ascii: "0")))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }
}

/// Which networks an adapter serves: one, or all of a namespace (`eip155:*`).
package struct NetworkPattern: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    private let namespace: String?

    /// Nil unless `text` is a CAIP-2 name or `namespace:*`.
    package init?(_ text: String) {
        if text.hasSuffix(":*") {
            let namespace = String(text.dropLast(2))
            guard Network("\(namespace):1") != nil else { return nil }
            self.namespace = namespace
        } else {
            guard Network(text) != nil else { return nil }
            self.namespace = nil
        }
        self.text = text
    }

    /// Whether the pattern names exactly one network.
    package var isExact: Bool { namespace == nil }

    package func matches(_ network: Network) -> Bool {
        guard let namespace else { return network.name == text }
        return network.namespace == namespace
    }

    package var description: String { text }
}
