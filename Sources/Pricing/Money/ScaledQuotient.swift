import Primitives

/// A whole number times a power of ten, divided by another: exact until it is rounded once.
struct ScaledQuotient {
    enum Rounding { case up, down }

    private let numerator: UInt256
    private let exponent: Int
    private let divisor: UInt64

    /// `divisor` is not zero.
    init(_ numerator: UInt256, exponent: Int, dividedBy divisor: UInt64 = 1) {
        self.numerator = numerator
        self.exponent = exponent
        self.divisor = divisor
    }

    /// The nearest whole number in that direction.
    func rounded(_ rounding: Rounding) throws(PriceError) -> UInt256 {
        var amount = numerator
        if exponent > 0 {
            for _ in 0..<exponent {
                guard let next = amount.multiplied(by: 10) else { throw .tooLarge }
                amount = next
            }
        }
        // Rounding a quotient in steps, always in one direction, is rounding it once.
        amount = try Self.divide(amount, by: divisor, rounding)
        var places = max(0, -exponent)
        while places > 0, amount > .zero {
            let step = min(places, Self.largestStep)
            amount = try Self.divide(amount, by: Self.power(of: step), rounding)
            places -= step
        }
        return amount
    }

    /// Ten to this power fits in 64 bits.
    private static let largestStep = 19

    private static func power(of exponent: Int) -> UInt64 { (0..<exponent).reduce(1) { power, _ in power &* 10 } }

    private static func divide(
        _ amount: UInt256, by divisor: UInt64, _ rounding: Rounding
    ) throws(PriceError) -> UInt256 {
        let (quotient, remainder) = amount.quotientAndRemainder(dividingBy: divisor)
        if remainder == 0 || rounding == .down { return quotient }
        guard let next = quotient.adding(UInt256(1)) else { throw .tooLarge }
        return next
    }
}
