extension Base64 {
    /// Decodes a text and returns the number of bytes; nil when it is not base64.
    ///
    /// The standard or the URL alphabet, but not both in one text; padding whole or absent. White space, `=` anywhere
    /// else, a lone last letter and trailing bits that are not zero are refused (RFC 4648 §3.5), so a sequence of bytes
    /// has at most four texts. The output needs `maximumDecodedCount` of room and is undefined after a refusal.
    package static func decode(_ text: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard let count = unpaddedCount(text) else { return nil }
        precondition(bytes.count >= maximumDecodedCount(count), "no room for the bytes")
        guard let input = text.baseAddress, let output = bytes.baseAddress else { return 0 }
        let tables = DecodingTables.shared
        var seen: UInt32 = 0
        var offset = 0
        var written = 0
        // Eight letters are six bytes, stored as eight while the output has that much room left.
        while offset &+ 8 <= count, written &+ 8 <= bytes.count {
            let first = tables.group(input + offset)
            let second = tables.group(input + offset + 4)
            seen |= first | second
            let six = UInt64(first & 0x00FF_FFFF) | UInt64(second & 0x00FF_FFFF) << 24
            output.storeBytes(of: six.littleEndian, toByteOffset: written, as: UInt64.self)
            offset &+= 8
            written &+= 6
        }
        while offset < count {
            let letters = Swift.min(4, count &- offset)
            let group = tables.group(input + offset, count: letters)
            seen |= group
            for index in 0..<(letters &- 1) {
                bytes[written] = UInt8(truncatingIfNeeded: group >> UInt32(8 &* index))
                written &+= 1
            }
            // The last letters of a text of 4n + 2 or 4n + 3 carry 4 or 2 bits more than the bytes they end.
            guard letters == 4 || group >> UInt32(8 &* (letters &- 1)) & 0xFF == 0 else { return nil }
            offset &+= letters
        }
        return DecodingTables.isAcceptable(seen) ? written : nil
    }

    /// The number of letters before the padding; nil when no text has that length or that padding.
    private static func unpaddedCount(_ text: UnsafeRawBufferPointer) -> Int? {
        var count = text.count
        var padding = 0
        while padding < 2, count > 0, text[count &- 1] == UInt8(ascii: "=") {
            count &-= 1
            padding &+= 1
        }
        guard count % 4 != 1 else { return nil }
        return padding == 0 || (padding &+ count) % 4 == 0 && count % 4 != 0 ? count : nil
    }
}

/// What each letter adds to its group of four, by its place in the group.
///
/// The three bytes of a group stand in the low 24 bits, the first lowest; the bits above tell what the letter was.
private struct DecodingTables: @unchecked Sendable {
    private let entries: UnsafePointer<UInt32>

    private static var notALetter: UInt32 { 1 << 31 }
    private static var standardOnly: UInt32 { 1 << 30 }
    private static var urlOnly: UInt32 { 1 << 29 }

    static let shared = DecodingTables()

    private init() {
        let storage = UnsafeMutablePointer<UInt32>.allocate(capacity: 4 * 256)
        storage.initialize(repeating: Self.notALetter, count: 4 * 256)
        for (letters, mark) in [("+/", Self.standardOnly), ("-_", Self.urlOnly)] {
            let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + letters
            for (index, letter) in alphabet.utf8.enumerated() {
                let value = UInt32(index)
                let flags = index < 62 ? 0 : mark
                storage[Int(letter)] = value << 2 | flags
                storage[256 + Int(letter)] = value >> 4 | (value & 0x0F) << 12 | flags
                storage[512 + Int(letter)] = (value >> 2) << 8 | (value & 0x03) << 22 | flags
                storage[768 + Int(letter)] = value << 16 | flags
            }
        }
        entries = UnsafePointer(storage)
    }

    @inline(__always)
    func group(_ letters: UnsafeRawPointer) -> UInt32 {
        let word = UInt32(littleEndian: letters.loadUnaligned(as: UInt32.self))
        return entries[Int(word & 0xFF)]
            | entries[256 &+ Int(word >> 8 & 0xFF)]
            | entries[512 &+ Int(word >> 16 & 0xFF)]
            | entries[768 &+ Int(word >> 24)]
    }

    func group(_ letters: UnsafeRawPointer, count: Int) -> UInt32 {
        var group: UInt32 = 0
        for place in 0..<count {
            group |= entries[place &* 256 &+ Int(letters.load(fromByteOffset: place, as: UInt8.self))]
        }
        return group
    }

    static func isAcceptable(_ seen: UInt32) -> Bool {
        seen & notALetter == 0 && seen & (standardOnly | urlOnly) != standardOnly | urlOnly
    }
}
