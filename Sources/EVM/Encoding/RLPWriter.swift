import Primitives

/// Writes Ethereum's recursive length prefix (yellow paper, appendix B).
struct RLPWriter {
    private(set) var bytes: [UInt8] = []

    /// A string of bytes; a single one below 0x80 stands for itself.
    mutating func append(_ value: some Collection<UInt8>) {
        if value.count == 1, let byte = value.first, byte < 0x80 {
            bytes.append(byte)
        } else {
            appendPrefix(short: 0x80, count: value.count)
            bytes += value
        }
    }

    /// An integer, most significant byte first, without leading zeros; zero is the empty string.
    mutating func append(_ value: UInt256) {
        append(value.bigEndianBytes.drop { $0 == 0 })
    }

    /// An integer.
    mutating func append(_ value: UInt64) {
        append(UInt256(value))
    }

    /// Twenty bytes, or the empty string of a contract creation.
    mutating func append(_ value: Address?) {
        append(value.map { $0.withBytes { [UInt8]($0) } } ?? [])
    }

    /// A list of what `write` appends.
    mutating func appendList(_ write: (inout RLPWriter) -> Void) {
        var items = RLPWriter()
        write(&items)
        appendPrefix(short: 0xC0, count: items.bytes.count)
        bytes += items.bytes
    }

    /// Up to 55 bytes the count is in the prefix, above it follows in as few bytes as it takes.
    private mutating func appendPrefix(short base: UInt8, count: Int) {
        guard count > 55 else { return bytes.append(base + UInt8(count)) }
        let length = UInt256(UInt64(count)).bigEndianBytes.drop { $0 == 0 }
        bytes.append(base + 55 + UInt8(length.count))
        bytes += length
    }
}
