import NIOCore

extension ByteBuffer {
    /// Writes `content-length: n` CRLF.
    mutating func writeContentLength(_ length: UInt64) {
        writeStaticString("content-length: ")
        writeDecimal(length)
        writeStaticString("\r\n")
    }

    /// Writes a number in decimal.
    mutating func writeDecimal(_ number: UInt64) {
        if number < 10 {
            writeInteger(UInt8(truncatingIfNeeded: number) &+ UInt8(ascii: "0"))
            return
        }
        var divisor: UInt64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            writeInteger(UInt8(truncatingIfNeeded: number / divisor % 10) &+ UInt8(ascii: "0"))
            divisor /= 10
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
            guard let base = bytes.baseAddress, bytes.count >= 5 else { return false }
            var index = 0
            while index < bytes.count - 6 {
                if bytes[index] == 0x0a {
                    let word = UInt32(littleEndian: (base + index + 1).loadUnaligned(as: UInt32.self)) | 0x2020_2020
                    if word == 0x6574_6164, bytes[index + 5] == UInt8(ascii: ":") { return true }
                }
                index &+= 1
            }
            return false
        }
    }
}
