import Primitives

/// Writes 32-byte words of the contract ABI, one after another, into memory lent by the caller.
///
/// EIP-712 `encodeData` and a call's arguments share this layout.
struct WordWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private(set) var offset: Int

    init(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int = 0) {
        self.buffer = buffer
        self.offset = offset
    }

    mutating func append(_ value: Bytes32) {
        value.withBytes { append(raw: $0) }
    }

    mutating func append(_ value: UInt256) {
        value.storeBigEndian(to: UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<(offset &+ 32)]))
        offset &+= 32
    }

    /// An address stands right-aligned after twelve zero bytes.
    mutating func append(_ value: Address) {
        append(zeros: 12)
        value.withBytes { append(raw: $0) }
    }

    mutating func append(raw bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<(offset &+ bytes.count)]).copyMemory(from: bytes)
        offset &+= bytes.count
    }

    mutating func append(zeros count: Int) {
        UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<(offset &+ count)])
            .initializeMemory(as: UInt8.self, repeating: 0)
        offset &+= count
    }
}
