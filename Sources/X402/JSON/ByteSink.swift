import Primitives

/// Bytes written one after another into memory that the caller has measured.
///
/// Too little room is a bug of the measure and traps.
struct ByteSink {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        precondition(count < memory.count, "no room")
        memory[count] = byte
        count &+= 1
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: reserve(bytes.count)).copyMemory(from: bytes)
    }

    @inline(__always)
    mutating func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { put($0) }
    }

    @inline(__always)
    mutating func put(_ literal: StaticString) {
        put(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Copies the text's UTF-8 as it is.
    mutating func put(raw text: String) {
        var text = text
        text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
    }

    mutating func put(decimal value: UInt256) {
        count &+= value.writeDecimal(into: UnsafeMutableRawBufferPointer(rebasing: memory[count...]))
    }

    /// Writes the base64 text of the bytes.
    mutating func put(base64 bytes: UnsafeRawBufferPointer) {
        count &+= Base64.encode(bytes, into: UnsafeMutableRawBufferPointer(rebasing: memory[count...]))
    }

    private mutating func reserve(_ length: Int) -> Slice<UnsafeMutableRawBufferPointer> {
        precondition(length <= memory.count - count, "no room")
        defer { count &+= length }
        return memory[count..<(count + length)]
    }
}
