import Primitives
import Testing

private let shared = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

@Suite("Base64 text")
struct Base64Tests {
    @Test(
        "has the examples of RFC 4648 §10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func examples(plain: String, text: String) {
        let bytes = [UInt8](plain.utf8)
        let bare = String(text.prefix { $0 != "=" })
        #expect(Base64.encode(bytes) == text)
        #expect(Base64.encodeURLSafe(bytes) == bare)
        #expect(Base64.decode(text) == bytes)
        #expect(Base64.decode(bare) == bytes)
        #expect(Base64.encodedCount(bytes.count) == text.utf8.count)
    }

    @Test("has two alphabets, which differ in their last two letters")
    func alphabets() {
        #expect(Base64.encode([0xFB, 0xEF, 0xFF]) == "++//")
        #expect(Base64.encodeURLSafe([0xFB, 0xEF, 0xFF]) == "--__")
        #expect(Base64.decode("++//") == [0xFB, 0xEF, 0xFF])
        #expect(Base64.decode("--__") == [0xFB, 0xEF, 0xFF])
    }

    @Test(
        "is refused with white space, with padding out of place, or cut short",
        arguments: [
            "Zg= =", " Zg==", "Zg== ", "Zg==\n", "Zm9v\r\nYg==", "Zm 9v", "\tZm9v", "=", "==", "===", "====", "Z", "Z=",
            "Z==",
            "Z===", "Zg=", "Zg===", "Zm8==", "Zm9v=", "Zm9v==", "Zm9v====", "Zg==Zg==", "Zm=v", "Z=9v", "=m9v",
            "Zm8=Zm9v",
            "Zm9vYmFyZ", "Zm9v!mFy", "Zm9v.mFy", "Zm9v\u{0}mFy", "Zm9vé", "Zm9vYmFyZm9v,g==",
        ])
    func refused(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("is refused with letters of both alphabets, wherever they stand")
    func mixed() {
        for first in 0..<24 {
            for second in 0..<24 where first != second {
                var text = [UInt8](repeating: UInt8(ascii: "A"), count: 24)
                text[first] = UInt8(ascii: "+")
                text[second] = UInt8(ascii: "_")
                #expect(Base64.decode(String(decoding: text, as: UTF8.self)) == nil, "\(first) and \(second)")
                text[second] = UInt8(ascii: "/")
                #expect(Base64.decode(String(decoding: text, as: UTF8.self)) != nil, "\(first) and \(second)")
            }
        }
    }

    @Test("holds letters only, at every place of a group and of its rest", arguments: [4, 6, 7, 8, 10, 16, 19, 32])
    func everyByte(count: Int) {
        let letters = Set((shared + "+/-_").utf8)
        for place in 0..<count {
            for byte in UInt8.min...UInt8.max {
                // The last letter of an unpadded rest must leave no bits over, and a last `=` may be padding.
                if place == count - 1, count % 4 != 0 || byte == UInt8(ascii: "=") { continue }
                var text = [UInt8](repeating: UInt8(ascii: "A"), count: count)
                text[place] = byte
                var room = [UInt8](repeating: 0, count: Base64.maximumDecodedCount(count))
                let decoded = text.withUnsafeBytes { text in
                    room.withUnsafeMutableBytes { Base64.decode(text, into: $0) }
                }
                #expect((decoded != nil) == letters.contains(byte), "byte \(byte) at \(place) of \(count)")
            }
        }
    }

    @Test(
        "is refused when bits are left over that are not zero", arguments: [("", "="), ("A", ""), ("Zm9vYmFy", "==")])
    func trailingBits(before: String, padding: String) throws {
        for first in shared + "+/" {
            for (value, last) in (shared + "+/").enumerated() {
                let two = "Zm9v" + before + (before.utf8.count % 4 == 1 ? "" : String(first)) + String(last)
                let letters = two.utf8.count % 4
                let text = two + (padding.isEmpty ? "" : String(repeating: "=", count: 4 - letters))
                let unused = letters == 2 ? 0x0F : 0x03
                #expect((Base64.decode(text) != nil) == (value & unused == 0), "\(text)")
            }
        }
    }

    @Test("is refused when the third letter of a rest leaves bits over")
    func trailingBitsOfThree() {
        for (value, last) in (shared + "+/").enumerated() {
            #expect((Base64.decode("AA" + String(last)) != nil) == (value & 0x03 == 0))
            #expect((Base64.decode("AA" + String(last) + "=") != nil) == (value & 0x03 == 0))
        }
    }

    @Test("comes back from every byte string in all its four forms", arguments: Seeds.ofThisRun)
    func roundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for count in 0..<300 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let padded = Base64.encode(bytes)
            let bareURL = Base64.encodeURLSafe(bytes)
            let padding = padded.drop { $0 != "=" }
            #expect(Base64.decode(padded) == bytes)
            #expect(Base64.decode(String(padded.dropLast(padding.count))) == bytes)
            #expect(Base64.decode(bareURL) == bytes)
            #expect(Base64.decode(bareURL + padding) == bytes)
        }
    }

    @Test("writes nothing outside the room that it asked for", arguments: 0..<70)
    func room(count: Int) {
        let bytes = [UInt8](repeating: 0xFF, count: count)
        let text = [UInt8](Base64.encode(bytes).utf8.prefix { $0 != UInt8(ascii: "=") })
        #expect(Base64.maximumDecodedCount(text.count) == count)
        var room = [UInt8](repeating: 0xAA, count: count + 32)
        let decoded = text.withUnsafeBytes { text in
            room.withUnsafeMutableBytes { room in
                Base64.decode(text, into: UnsafeMutableRawBufferPointer(rebasing: room[16..<(16 + count)]))
            }
        }
        #expect(decoded == count)
        let guards = [UInt8](repeating: 0xAA, count: 16)
        #expect(room == guards + bytes + guards)
    }
}
