/// Why a number of a usage report cannot be charged for.
package enum UsageFault: String, Hashable, Sendable {
    case negative
    /// With a fraction or an exponent, even one that comes to a whole number.
    case fractional
    /// More than `UsageNumber.maximum`.
    case absurd
    case notANumber = "not a number"
}

/// The numbers that usage is counted in.
package enum UsageNumber {
    /// The largest count that is believed; a petabyte, or a million times the longest context.
    package static let maximum: UInt64 = 1_000_000_000_000_000

    /// Reads the value of a header or trailer field: decimal digits alone.
    package static func read(_ text: UnsafeRawBufferPointer) -> UsageFinding {
        guard let first = text.first else { return .unusable(.notANumber) }
        if first == UInt8(ascii: "-") { return .unusable(.negative) }
        var value: UInt64 = 0
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else {
                return .unusable(byte == UInt8(ascii: ".") ? .fractional : .notANumber)
            }
            value = value &* 10 &+ UInt64(digit)
            if value > maximum { return .unusable(.absurd) }
        }
        return .value(value)
    }
}

/// What was found of one count.
package enum UsageFinding: Hashable, Sendable {
    case missing
    case value(UInt64)
    case unusable(UsageFault)

    /// Both in one object: what cannot be used stays so, of two counts the larger is taken.
    func merged(with other: UsageFinding) -> UsageFinding {
        switch (self, other) {
        case (.missing, let found), (let found, .missing): found
        case (.unusable, _): self
        case (_, .unusable): other
        case (.value(let one), .value(let two)): .value(max(one, two))
        }
    }

    /// Both together.
    func adding(_ other: UsageFinding) -> UsageFinding {
        switch (self, other) {
        case (.missing, let found), (let found, .missing): return found
        case (.unusable, _): return self
        case (_, .unusable): return other
        case (.value(let one), .value(let two)):
            let sum = one &+ two
            return sum > UsageNumber.maximum ? .unusable(.absurd) : .value(sum)
        }
    }
}
