package import Primitives

/// The end of the journal: what the next entry is bound to.
///
/// The hash of an entry is SHA-256 over 145 bytes: the hash before it (32 zero bytes for the first), its number (8 bytes), the
/// kind (1; 128 is added where a seller earned it), the time (8), the subject (32), the digest of the currency (32) and the
/// amount (32). Numbers are big-endian.
package struct JournalChain: Hashable, Sendable {
    private static let size = 145

    /// The number of the last entry, zero before the first.
    package private(set) var number: Int64
    /// The hash of the last entry, zero before the first.
    package private(set) var hash: Bytes32

    package init(number: Int64 = 0, hash: Bytes32 = .zero) {
        self.number = number
        self.hash = hash
    }

    /// Binds a line to the journal: `number` and `hash` are then its own.
    package mutating func append(_ line: JournalLine, currency: Bytes32) {
        number += 1
        hash = withUnsafeTemporaryAllocation(byteCount: Self.size, alignment: 8) { bytes in
            var writer = ChainWriter(bytes: bytes)
            writer.put(hash)
            writer.put(UInt64(bitPattern: number))
            writer.put(line.kind.rawValue | (line.isSellers ? 0x80 : 0))
            writer.put(UInt64(bitPattern: line.at.seconds))
            writer.put(line.subject)
            writer.put(currency)
            writer.put(line.amount)
            return SHA256.hash(UnsafeRawBufferPointer(bytes))
        }
    }
}

/// Fills a buffer from its start.
private struct ChainWriter {
    let bytes: UnsafeMutableRawBufferPointer
    var used = 0

    mutating func put(_ value: Bytes32) {
        value.withBytes { put($0) }
    }

    mutating func put(_ value: UInt64) {
        withUnsafeBytes(of: value.bigEndian) { put($0) }
    }

    mutating func put(_ value: UInt8) {
        bytes[used] = value
        used += 1
    }

    mutating func put(_ value: UInt256) {
        value.storeBigEndian(to: UnsafeMutableRawBufferPointer(rebasing: bytes[used...]))
        used += 32
    }

    private mutating func put(_ source: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: bytes[used..<used + source.count]).copyMemory(from: source)
        used += source.count
    }
}
