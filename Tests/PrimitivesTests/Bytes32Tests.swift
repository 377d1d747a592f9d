import Primitives
import Testing

@Suite("Thirty-two bytes")
struct Bytes32Tests {
    private let text = "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"

    @Test("are read from digits of any case and written in lower case")
    func hex() throws {
        let value = try #require(Bytes32(hex: text))
        #expect(value.bytes == [UInt8](0...30) + [255])
        #expect(value.description == text)
        #expect(Bytes32(hex: "0x" + text.dropFirst(2).uppercased()) == value)
        #expect(Bytes32(value.bytes) == value)
        #expect(value.withBytes { [UInt8]($0) } == value.bytes)
    }

    @Test("are refused in any other text")
    func refused() {
        #expect(Bytes32(hex: String(text.dropFirst(2))) == nil)
        #expect(Bytes32(hex: "0X" + text.dropFirst(2)) == nil)
        #expect(Bytes32(hex: String(text.dropLast())) == nil)
        #expect(Bytes32(hex: text + "0") == nil)
        #expect(Bytes32(hex: text + "00") == nil)
        #expect(Bytes32(hex: String(text.dropLast()) + "g") == nil)
        #expect(Bytes32(hex: "0x0x" + text.dropFirst(4)) == nil)
        #expect(Bytes32(hex: "") == nil)
        #expect(Bytes32([UInt8](repeating: 0, count: 31)) == nil)
        #expect(Bytes32([UInt8](repeating: 0, count: 33)) == nil)
    }

    @Test("differ when any byte does")
    func equality() {
        let zero = [UInt8](repeating: 0, count: 32)
        for place in 0..<32 {
            var other = zero
            other[place] = 1
            #expect(Bytes32(other) != Bytes32(zero))
        }
    }

    @Test("are drawn from the generator that is given")
    func random() {
        var first = SeededGenerator(seed: 7)
        var same = SeededGenerator(seed: 7)
        let drawn = Bytes32.random(using: &first)
        #expect(drawn == Bytes32.random(using: &same))
        #expect(drawn != Bytes32.random(using: &first))
    }
}
