import Primitives
import Testing

@Suite("Hexadecimal text")
struct HexTests {
    @Test(
        "is written in lower case and read in any",
        arguments: [
            ([], ""), ([0], "00"), ([0xAB], "ab"),
            ([0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF], "0123456789abcdef"),
            ([0xDE, 0xAD, 0xBE, 0xEF, 0xFF], "deadbeefff"),
        ] as [([UInt8], String)])
    func table(bytes: [UInt8], digits: String) {
        #expect(Hex.encode(bytes) == "0x" + digits)
        #expect(Hex.encode(bytes, prefix: false) == digits)
        #expect(Hex.decode(digits) == bytes)
        #expect(Hex.decode("0x" + digits) == bytes)
        #expect(Hex.decode(digits.uppercased()) == bytes)
    }

    @Test(
        "is refused when odd, spaced or doubly prefixed",
        arguments: ["0", "0x0", "0X00", " 00", "00 ", "0 0", "x0", "0x0x"])
    func refused(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test("holds digits only, at every place of a word and of its rest", arguments: [2, 4, 6, 8, 10, 16, 22])
    func everyByte(count: Int) {
        let digits = Set("0123456789abcdefABCDEF".utf8)
        for place in 0..<count {
            for byte in UInt8.min...UInt8.max {
                var text = [UInt8](repeating: UInt8(ascii: "5"), count: count)
                text[place] = byte
                var bytes = [UInt8](repeating: 0, count: count / 2)
                let valid = text.withUnsafeBytes { text in bytes.withUnsafeMutableBytes { Hex.decode(text, into: $0) } }
                #expect(valid == digits.contains(byte), "byte \(byte) at \(place)")
                guard valid else { continue }
                let value = Character(Unicode.Scalar(byte)).hexDigitValue ?? -1
                var expected = [UInt8](repeating: 0x55, count: count / 2)
                expected[place / 2] = UInt8(place.isMultiple(of: 2) ? value << 4 | 5 : 0x50 | value)
                #expect(bytes == expected)
            }
        }
    }

    @Test("is decoded into exactly half its size", arguments: [(2, 0), (2, 2), (3, 1), (0, 1), (16, 7), (16, 9)])
    func sizes(digits: Int, bytes: Int) {
        let text = [UInt8](repeating: UInt8(ascii: "0"), count: digits)
        var output = [UInt8](repeating: 0xAA, count: bytes)
        let valid = text.withUnsafeBytes { text in output.withUnsafeMutableBytes { Hex.decode(text, into: $0) } }
        #expect(!valid)
        #expect(output == [UInt8](repeating: 0xAA, count: bytes))
    }

    @Test("comes back from every byte string", arguments: Seeds.ofThisRun)
    func roundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        }
    }
}
