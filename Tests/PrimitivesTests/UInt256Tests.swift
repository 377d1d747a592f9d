import Primitives
import Testing

private let maximum = "115792089237316195423570985008687907853269984665640564039457584007913129639935"

@Suite("A 256-bit integer")
struct UInt256Tests {
    @Test(
        "reads and writes the decimal digits of every width",
        arguments: [
            "0", "1", "9", "10", "18446744073709551615", "18446744073709551616", "9999999999999999999",
            "10000000000000000000", "10000000000000000001", "100000000000000000000000000000000000000",
            "340282366920938463463374607431768211456", "123456789012345678901234567890",
            "6277101735386680763835789423207666416102355444464034512896", maximum,
        ])
    func roundTrip(text: String) throws {
        #expect(try #require(UInt256(text)).description == text)
    }

    @Test(
        "refuses any text but plain digits without a leading zero, up to 2^256 − 1",
        arguments: [
            "", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "0x10", "1e3", "1.0", "1\n", "\u{0}", "１", "1\u{0}",
            "115792089237316195423570985008687907853269984665640564039457584007913129639936",
            "999999999999999999999999999999999999999999999999999999999999999999999999999999",
            "1000000000000000000000000000000000000000000000000000000000000000000000000000000",
        ])
    func refused(text: String) {
        #expect(UInt256(text) == nil)
    }

    @Test("has the words of its big-endian bytes")
    func bytes() {
        let bytes = [UInt8](1...32)
        let value = bytes.withUnsafeBytes { UInt256(bigEndian: $0) }
        #expect(value.bigEndianBytes == bytes)
        #expect(
            value
                == UInt256(
                    highToLow: 0x0102_0304_0506_0708, 0x090A_0B0C_0D0E_0F10, 0x1112_1314_1516_1718,
                    0x191A_1B1C_1D1E_1F20)
        )
        #expect(UInt256(258).bigEndianBytes == [UInt8](repeating: 0, count: 30) + [1, 2])
    }

    @Test("does not wrap at either end")
    func limits() {
        #expect(UInt256.max.description == maximum)
        #expect(UInt256.zero.description == "0")
        #expect(UInt256.max.adding(UInt256(1)) == nil)
        #expect(UInt256.max.adding(.zero) == .max)
        #expect(UInt256.zero.subtracting(UInt256(1)) == nil)
        #expect(UInt256.max.multiplied(by: 2) == nil)
        #expect(UInt256.max.multiplied(by: 1) == .max)
        #expect(UInt256(highToLow: 1, 0, 0, 0).multiplied(by: .max) == UInt256(highToLow: .max, 0, 0, 0))
        #expect(UInt256(highToLow: 1 << 63, 0, 0, 0).multiplied(by: 2) == nil)
    }

    @Test("carries and borrows through every word")
    func carries() {
        let word = UInt256(highToLow: 1, 0, 0, 0)
        let below = UInt256(highToLow: 0, .max, .max, .max)
        #expect(below.adding(UInt256(1)) == word)
        #expect(word.subtracting(UInt256(1)) == below)
    }

    @Test("fits in 64 bits exactly up to 2^64 − 1")
    func narrow() {
        #expect(UInt256(.max).uint64 == .max)
        #expect(UInt256(highToLow: 0, 0, 1, 0).uint64 == nil)
        #expect(UInt256(highToLow: 0, 1, 0, 0).uint64 == nil)
        #expect(UInt256(highToLow: 1, 0, 0, 0).uint64 == nil)
    }

    @Test("orders by the most significant word that differs")
    func order() {
        let ascending = [
            UInt256.zero, UInt256(1), UInt256(.max), UInt256(highToLow: 0, 0, 1, 0), UInt256(highToLow: 0, 1, 0, 9),
            UInt256(highToLow: 0, 1, 1, 0), UInt256(highToLow: 1, 0, 0, 0), .max,
        ]
        for (index, left) in ascending.enumerated() {
            for (other, right) in ascending.enumerated() {
                #expect((left < right) == (index < other))
                #expect((left == right) == (index == other))
            }
        }
    }

    @Test("writes no more than its digits")
    func writing() {
        var room = [UInt8](repeating: 0xAA, count: 80)
        let count = room.withUnsafeMutableBytes { UInt256.max.writeDecimal(into: $0) }
        #expect(count == 78)
        #expect(String(decoding: room[..<78], as: UTF8.self) == maximum)
        #expect(room[78...] == [0xAA, 0xAA])
    }
}

@Suite("256-bit arithmetic on random values")
struct UInt256PropertyTests {
    private static func value(_ generator: inout SeededGenerator) -> UInt256 {
        // Words are often all zeros or all ones, where carries begin and end.
        func word() -> UInt64 {
            switch generator.next() % 4 {
            case 0: 0
            case 1: .max
            default: generator.next() >> (generator.next() % 64)
            }
        }
        return UInt256(highToLow: word(), word(), word(), word())
    }

    @Test("agrees with decimal arithmetic by hand", arguments: Seeds.ofThisRun)
    func model(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let left = Self.value(&generator)
            let right = Self.value(&generator)
            let factor = generator.next() >> (generator.next() % 64)
            let leftModel = DecimalModel(bigEndian: left.bigEndianBytes)
            let rightModel = DecimalModel(bigEndian: right.bigEndianBytes)
            #expect(left.description == leftModel.description)
            // The model has no upper end; a text above 2^256 − 1 reads as nil, which is what overflow is.
            #expect(left.adding(right) == UInt256((leftModel + rightModel).description))
            #expect(left.multiplied(by: factor) == UInt256((leftModel * factor).description))
        }
    }

    @Test("undoes what it did", arguments: Seeds.ofThisRun)
    func identities(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5000 {
            let left = Self.value(&generator)
            let right = Self.value(&generator)
            let divisor = (generator.next() >> (generator.next() % 64)) | 1
            if let sum = left.adding(right) {
                #expect(sum.subtracting(right) == left)
                #expect(sum >= left && sum >= right)
            } else {
                let gap = try #require(UInt256.max.subtracting(right))
                #expect(gap < left)
            }
            #expect((left.subtracting(right) == nil) == (left < right))
            let (quotient, remainder) = left.quotientAndRemainder(dividingBy: divisor)
            #expect(remainder < divisor)
            #expect(quotient.multiplied(by: divisor)?.adding(UInt256(remainder)) == left)
            #expect(UInt256(left.description) == left)
            #expect(left.bigEndianBytes.withUnsafeBytes { UInt256(bigEndian: $0) } == left)
        }
    }
}
