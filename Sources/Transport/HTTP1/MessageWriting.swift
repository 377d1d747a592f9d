import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Writes short constants and numbers into memory that is known to suffice.
struct LineWriter {
    /// What may be written in all: three framing lines, a date line, the empty line.
    static let capacity = 192

    private let base: UnsafeMutableRawPointer
    private(set) var count = 0

    @inline(__always)
    fileprivate init(_ base: UnsafeMutableRawPointer) {
        self.base = base
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count <= Self.capacity &- count else { return }
        (base + count).copyMemory(from: source, byteCount: bytes.count)
        count &+= bytes.count
    }

    /// Writes a number in decimal.
    mutating func write(_ number: UInt64) {
        var length = 1
        var rest = number / 10
        while rest > 0 {
            length &+= 1
            rest /= 10
        }
        guard length <= Self.capacity &- count else { return }
        rest = number
        var index = count &+ length
        repeat {
            index &-= 1
            base.storeBytes(
                of: UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0"), toByteOffset: index, as: UInt8.self)
            rest /= 10
        } while rest > 0
        count &+= length
    }

    /// Writes `content-length: n` CRLF.
    @inline(__always)
    mutating func writeContentLength(_ length: UInt64) {
        write("content-length: ")
        write(length)
        write("\r\n")
    }
}

extension ByteBuffer {
    /// Writes a few short lines with one check of the storage.
    @inline(__always)
    mutating func writeLines(_ body: (inout LineWriter) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: LineWriter.capacity) { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            var writer = LineWriter(base)
            body(&writer)
            return writer.count
        }
    }

    /// Writes a chunk size and CRLF (RFC 9112 §7.1).
    mutating func writeChunkSize(_ size: Int) {
        var shift = (Int.bitWidth - max(size, 1).leadingZeroBitCount - 1) / 4 * 4
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: size >> shift) & 0xf
            writeInteger(digit < 10 ? digit &+ UInt8(ascii: "0") : digit &- 10 &+ UInt8(ascii: "a"))
            shift -= 4
        }
        writeStaticString("\r\n")
    }

    /// The status of a head that starts with a status line; 0 if it does not.
    var statusOfHead: Int {
        var status = 0
        for offset in 9..<12 {
            guard let byte = getInteger(at: readerIndex + offset, as: UInt8.self) else { return 0 }
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { return 0 }
            status = status * 10 + Int(digit)
        }
        return status
    }

    /// Whether one of the head's lines starts with `date:`, in any case.
    var hasDateLine: Bool {
        withUnsafeReadableBytes { bytes in
            guard var rest = bytes.baseAddress else { return false }
            let end = rest + bytes.count
            while let feed = memchr(rest, 0x0a, end - rest) {
                rest = UnsafeRawPointer(feed) + 1
                guard end - rest >= 5 else { return false }
                let word = UInt32(littleEndian: rest.loadUnaligned(as: UInt32.self)) | 0x2020_2020
                if word == 0x6574_6164, rest.load(fromByteOffset: 4, as: UInt8.self) == UInt8(ascii: ":") {
                    return true
                }
            }
            return false
        }
    }
}
