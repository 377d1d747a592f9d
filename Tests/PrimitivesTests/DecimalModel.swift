/// Schoolbook arithmetic on decimal digits, to check binary arithmetic against.
struct DecimalModel: Equatable, CustomStringConvertible {
    /// Least significant first, without leading zeros.
    private var digits: [UInt64]

    init(_ value: UInt64) {
        digits = [value]
        normalize()
    }

    init(bigEndian bytes: [UInt8]) {
        self.init(0)
        for byte in bytes {
            self = self * 256 + DecimalModel(UInt64(byte))
        }
    }

    var description: String {
        digits.reversed().map(String.init).joined()
    }

    static func + (left: DecimalModel, right: DecimalModel) -> DecimalModel {
        var sum = left
        for (place, digit) in right.digits.enumerated() {
            if place < sum.digits.count {
                sum.digits[place] += digit
            } else {
                sum.digits.append(digit)
            }
        }
        sum.normalize()
        return sum
    }

    static func * (left: DecimalModel, right: UInt64) -> DecimalModel {
        var product = DecimalModel(0)
        var shifted = left
        for character in String(right).reversed() {
            for _ in 0..<(character.wholeNumberValue ?? 0) {
                product = product + shifted
            }
            shifted.digits.insert(0, at: 0)
        }
        return product
    }

    private mutating func normalize() {
        var place = 0
        while place < digits.count {
            let carry = digits[place] / 10
            digits[place] %= 10
            if carry > 0, place + 1 == digits.count {
                digits.append(0)
            }
            if carry > 0 {
                digits[place + 1] += carry
            }
            place += 1
        }
        while digits.count > 1, digits.last == 0 {
            digits.removeLast()
        }
    }
}
