package import Primitives

/// What is added to a cost, in hundredths of it: `25%`, `12.5%`.
package struct Percentage: Hashable, Sendable {
    /// The digits without the point.
    private let digits: UInt64
    private let decimals: Int

    /// The most digits behind the point.
    package static let maximumDecimals = 6
    /// The largest percentage.
    package static let maximum = 100_000

    /// Reads `25%` or `12.5%`; nil for any other text.
    package init?(_ text: String) {
        guard text.utf8.last == UInt8(ascii: "%") else { return nil }
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first, parts.count <= 2, whole == "0" || !whole.hasPrefix("0") else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard parts.count == 1 || !fraction.isEmpty, fraction.utf8.count <= Self.maximumDecimals else { return nil }
        guard (whole + fraction).utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        guard let units = Int(whole), units <= Self.maximum, let digits = UInt64(whole + fraction) else { return nil }
        self.digits = digits
        self.decimals = fraction.utf8.count
    }

    /// Hundred and the percentage, as a factor and the power of ten that divides it.
    private var factor: (digits: UInt64, places: Int) {
        ((0..<decimals).reduce(100) { hundred, _ in hundred * 10 } + digits, decimals + 2)
    }

    /// The amount with the percentage on it, exact.
    package func added(to amount: DollarAmount) throws(PriceError) -> DollarAmount {
        let (factor, places) = factor
        guard let digits = amount.digits.multiplied(by: factor) else { throw .tooLarge }
        return DollarAmount(digits: digits, decimals: amount.decimals + places).withoutTrailingZeros
    }

    /// The units with the percentage on them, rounded up.
    package func added(to units: UInt256) throws(PriceError) -> UInt256 {
        let (factor, places) = factor
        guard let digits = units.multiplied(by: factor) else { throw .tooLarge }
        return try ScaledQuotient(digits, exponent: -places).rounded(.up)
    }
}

extension Percentage: CustomStringConvertible {
    package var description: String {
        var text = String(digits)
        while text.utf8.count <= decimals { text = "0" + text }
        return decimals == 0 ? text + "%" : text.dropLast(decimals) + "." + text.suffix(decimals) + "%"
    }
}
