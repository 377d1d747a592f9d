/// Hexadecimal text.
package enum Hex {
    /// Lower-case digits, two per byte, after `0x` unless it is not wanted.
    package static func encode(_ bytes: some Sequence<UInt8>, prefix: Bool = true) -> String {
        let encoded = bytes.withContiguousStorageIfAvailable { encode(UnsafeRawBufferPointer($0), prefix: prefix) }
        return encoded ?? encode(Array(bytes), prefix: prefix)
    }

    /// Lower-case digits, two per byte, after `0x` unless it is not wanted.
    package static func encode(_ bytes: UnsafeRawBufferPointer, prefix: Bool = true) -> String {
        let start = prefix ? 2 : 0
        return String(unsafeUninitializedCapacity: start + 2 * bytes.count) { text in
            if prefix {
                text[0] = UInt8(ascii: "0")
                text[1] = UInt8(ascii: "x")
            }
            encode(bytes, into: UnsafeMutableBufferPointer(rebasing: text[start..<(start + 2 * bytes.count)]))
            return start + 2 * bytes.count
        }
    }

    /// Writes lower-case digits; the text has two bytes for each.
    static func encode(_ bytes: UnsafeRawBufferPointer, into text: UnsafeMutableBufferPointer<UInt8>) {
        precondition(text.count == 2 * bytes.count, "two digits per byte")
        for index in 0..<bytes.count {
            text[2 &* index] = digit(bytes[index] >> 4)
            text[2 &* index &+ 1] = digit(bytes[index] & 0x0F)
        }
    }

    /// The bytes of an even number of digits of any case, with or without `0x`; nil for any other text.
    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { utf8 in
            var digits = UnsafeRawBufferPointer(utf8)
            if let rest = Self.digits(of: digits) {
                digits = rest
            }
            guard digits.count.isMultiple(of: 2) else { return nil }
            var valid = false
            let bytes = [UInt8](unsafeUninitializedCapacity: digits.count / 2) { buffer, count in
                let room = UnsafeMutableBufferPointer(rebasing: buffer.prefix(digits.count / 2))
                room.initialize(repeating: 0)
                valid = decode(digits, into: UnsafeMutableRawBufferPointer(room))
                count = digits.count / 2
            }
            return valid ? bytes : nil
        }
    }

    /// Decodes digits of any case; false, with the output undefined, when a byte is not a digit.
    ///
    /// The input has no `0x` and exactly two digits per byte of output; any other size is refused.
    package static func decode(_ digits: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer) -> Bool {
        guard digits.count == 2 * bytes.count else { return false }
        var wrong: UInt64 = 0
        var offset = 0
        while offset &+ 8 <= digits.count {
            let word = digits.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let (value, fault) = decode(word: UInt64(littleEndian: word))
            bytes.storeBytes(of: value.littleEndian, toByteOffset: offset / 2, as: UInt32.self)
            wrong |= fault
            offset &+= 8
        }
        while offset < digits.count {
            let (value, fault) = decode(word: zeros << 16 | UInt64(digits[offset]) | UInt64(digits[offset + 1]) << 8)
            bytes[offset / 2] = UInt8(truncatingIfNeeded: value)
            wrong |= fault
            offset &+= 2
        }
        return wrong == 0
    }

    /// What follows `0x`, when the text begins with it.
    static func digits(of text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard text.count >= 2, text[0] == UInt8(ascii: "0"), text[1] == UInt8(ascii: "x") else { return nil }
        return UnsafeRawBufferPointer(rebasing: text[2...])
    }

    /// What follows `0x`, when it is of that many bytes.
    static func digits(of text: UnsafeRawBufferPointer, count: Int) -> UnsafeRawBufferPointer? {
        text.count == count + 2 ? digits(of: text) : nil
    }

    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var zeros: UInt64 { 0x3030_3030_3030_3030 }

    @inline(__always)
    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? nibble &+ UInt8(ascii: "0") : nibble &+ (UInt8(ascii: "a") &- 10)
    }

    /// Eight digits, the first in the lowest byte, to four bytes in the same order; a fault is not zero.
    ///
    /// Bytes are compared side by side: adding 0x80 − limit to a byte below 0x80 sets its top bit exactly from the
    /// limit on, and never carries into its neighbour.
    @inline(__always)
    private static func decode(word: UInt64) -> (UInt32, UInt64) {
        let top: UInt64 = 0x8080_8080_8080_8080
        let ascii = word & ~top
        let folded = ascii | ones &* 0x20
        let isDigit = (ascii &+ ones &* 0x50) & ~(ascii &+ ones &* 0x46) & top
        let isLetter = (folded &+ ones &* 0x1F) & ~(folded &+ ones &* 0x19) & top
        let fault = (word & top) | (~(isDigit | isLetter) & top)
        let nibbles = (ascii & 0x0F0F_0F0F_0F0F_0F0F) &+ (isLetter >> 7) &* 9
        var packed = (nibbles << 4 | nibbles >> 8) & 0x00FF_00FF_00FF_00FF
        packed = (packed | packed >> 8) & 0x0000_FFFF_0000_FFFF
        return (UInt32(truncatingIfNeeded: packed | packed >> 16), fault)
    }
}
