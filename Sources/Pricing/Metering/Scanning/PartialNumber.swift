/// A JSON number as far as it was read (RFC 8259 §6).
struct PartialNumber {
    private enum Part: UInt8 { case start, minus, zero, whole, point, fraction, exponent, sign, power }

    private var part = Part.start
    private var isNegative = false
    private var isWhole = true
    private var isTooLarge = false
    private var digits: UInt64 = 0

    /// Takes the next byte; false where no number has it.
    @discardableResult
    mutating func take(_ byte: UInt8) -> Bool {
        let digit = byte &- UInt8(ascii: "0")
        if digit < 10 { return take(digit: digit) }
        switch (part, byte) {
        case (.start, UInt8(ascii: "-")):
            isNegative = true
            part = .minus
        case (.zero, UInt8(ascii: ".")), (.whole, UInt8(ascii: ".")):
            isWhole = false
            part = .point
        case (.zero, _) where byte | 0x20 == UInt8(ascii: "e"), (.whole, _) where byte | 0x20 == UInt8(ascii: "e"),
            (.fraction, _) where byte | 0x20 == UInt8(ascii: "e"):
            isWhole = false
            part = .exponent
        case (.exponent, UInt8(ascii: "+")), (.exponent, UInt8(ascii: "-")): part = .sign
        default: return false
        }
        return true
    }

    private mutating func take(digit: UInt8) -> Bool {
        switch part {
        case .start, .minus:
            digits = UInt64(digit)
            part = digit == 0 ? .zero : .whole
        case .whole:
            digits = digits &* 10 &+ UInt64(digit)
            if digits > UsageNumber.maximum {
                isTooLarge = true
                digits = UsageNumber.maximum
            }
        case .point, .fraction: part = .fraction
        case .exponent, .sign, .power: part = .power
        case .zero: return false
        }
        return true
    }

    /// What the number is worth; nil where it is not at its end.
    var value: PathValue? {
        switch part {
        case .zero, .whole, .fraction, .power: break
        case .start, .minus, .point, .exponent, .sign: return nil
        }
        if isNegative { return .faulty(.negative) }
        if !isWhole { return .faulty(.fractional) }
        return isTooLarge ? .faulty(.absurd) : .integer(digits)
    }
}
