/// Base64 text (RFC 4648 §4 and §5).
package enum Base64 {
    /// The length of the padded text of that many bytes.
    package static func encodedCount(_ count: Int) -> Int {
        (count + 2) / 3 * 4
    }

    /// The most bytes a text of that length can hold; what `decode` asks of its output.
    package static func maximumDecodedCount(_ count: Int) -> Int {
        count / 4 * 3 + count % 4 * 3 / 4
    }

    /// The padded text in the standard alphabet.
    package static func encode(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: encodedCount(bytes.count)) { text in
            bytes.withUnsafeBytes { encode($0, into: UnsafeMutableRawBufferPointer(text)) }
        }
    }

    /// The text in the URL alphabet, without padding.
    package static func encodeURLSafe(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: encodedCount(bytes.count)) { text in
            let room = UnsafeMutableRawBufferPointer(text)
            let count = bytes.withUnsafeBytes { encode($0, into: room, alphabet: urlAlphabet) }
            return count - (3 - bytes.count % 3) % 3
        }
    }

    /// Writes the padded text in the standard alphabet and returns its length.
    package static func encode(_ bytes: UnsafeRawBufferPointer, into text: UnsafeMutableRawBufferPointer) -> Int {
        encode(bytes, into: text, alphabet: standardAlphabet)
    }

    /// The bytes of a text as `decode(_:into:)` accepts it.
    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { utf8 in
            var decoded: Int?
            let bytes = [UInt8](unsafeUninitializedCapacity: maximumDecodedCount(utf8.count)) { buffer, count in
                decoded = decode(UnsafeRawBufferPointer(utf8), into: UnsafeMutableRawBufferPointer(buffer))
                count = decoded ?? 0
            }
            return decoded == nil ? nil : bytes
        }
    }

    private static var standardAlphabet: StaticString {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    }

    private static var urlAlphabet: StaticString {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    }

    private static func encode(
        _ bytes: UnsafeRawBufferPointer, into text: UnsafeMutableRawBufferPointer, alphabet: StaticString
    ) -> Int {
        let needed = encodedCount(bytes.count)
        precondition(text.count >= needed, "no room for the text")
        guard let input = bytes.baseAddress, let output = text.baseAddress else { return 0 }
        let letters = alphabet.utf8Start
        var written = 0
        var offset = 0
        while offset &+ 3 <= bytes.count {
            let high = UInt32(input.load(fromByteOffset: offset, as: UInt8.self)) << 16
            let middle = UInt32(input.load(fromByteOffset: offset &+ 1, as: UInt8.self)) << 8
            let group = high | middle | UInt32(input.load(fromByteOffset: offset &+ 2, as: UInt8.self))
            let first = UInt32(letters[Int(group >> 18)]) | UInt32(letters[Int(group >> 12 & 63)]) << 8
            let last = UInt32(letters[Int(group >> 6 & 63)]) << 16 | UInt32(letters[Int(group & 63)]) << 24
            output.storeBytes(of: (first | last).littleEndian, toByteOffset: written, as: UInt32.self)
            written &+= 4
            offset &+= 3
        }
        if offset < bytes.count {
            let second = offset + 1 < bytes.count ? UInt32(bytes[offset + 1]) : 0
            let group = UInt32(bytes[offset]) << 16 | second << 8
            text[written] = letters[Int(group >> 18)]
            text[written + 1] = letters[Int(group >> 12 & 63)]
            text[written + 2] = offset + 1 < bytes.count ? letters[Int(group >> 6 & 63)] : UInt8(ascii: "=")
            text[written + 3] = UInt8(ascii: "=")
        }
        return needed
    }
}
