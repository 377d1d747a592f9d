/// Percent-encoded bytes (RFC 3986 §2.1).
enum PercentByte {
    /// The byte that `%XX` at `index` stands for; nil without two hexadecimal digits.
    @inline(__always)
    static func decode(_ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt8? {
        guard index &+ 2 < bytes.count else { return nil }
        let high = hexValue(bytes[index &+ 1])
        let low = hexValue(bytes[index &+ 2])
        return high | low < 16 ? high << 4 | low : nil
    }

    /// The value of a hexadecimal digit; 255 for any other byte.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8 {
        let digit = byte &- UInt8(ascii: "0")
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter &+ 10 : 255
    }

    /// Whether an encoded form of the byte is to be decoded: RFC 3986 `unreserved` but the dot, which is refused.
    @inline(__always)
    static func isUnreserved(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "~")
    }
}
