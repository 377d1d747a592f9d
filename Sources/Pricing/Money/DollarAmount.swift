package import Primitives

/// A dollar price as whole digits and a number of decimals: nothing is ever a binary fraction.
package struct DollarAmount: Hashable, Sendable {
    /// The digits without the point.
    let digits: UInt256
    /// How many of the digits stand behind the point.
    let decimals: Int

    /// The most digits behind the point.
    package static let maximumDecimals = 18

    /// Reads `0.001` or `12`: digits, and perhaps a point and more digits.
    ///
    /// No sign, exponent, separator or space.
    package init(_ text: Substring) throws(PriceError) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let whole = parts.first, parts.count <= 2 else { throw .notADollarAmount }
        let fraction = parts.count == 2 ? parts[1] : text.utf8[text.utf8.endIndex...]
        guard !whole.isEmpty, parts.count == 1 || !fraction.isEmpty else { throw .notADollarAmount }
        guard whole.allSatisfy(Self.isDigit), fraction.allSatisfy(Self.isDigit) else { throw .notADollarAmount }
        guard whole.count == 1 || whole.first != UInt8(ascii: "0") else { throw .notADollarAmount }
        guard fraction.count <= Self.maximumDecimals else { throw .tooManyDecimals }
        let significant = (Array(whole) + Array(fraction)).drop { $0 == UInt8(ascii: "0") }
        guard !significant.isEmpty else { throw .zero }
        guard let digits = Array(significant).withUnsafeBytes({ UInt256(decimal: $0) }) else { throw .tooLarge }
        self.digits = digits
        self.decimals = fraction.count
    }

    /// The amount in units of ten to the minus `assetDecimals`, rounded up.
    package func atomicUnits(assetDecimals: Int) throws(PriceError) -> UInt256 {
        precondition(assetDecimals >= 0, "decimals are not negative")
        var amount = digits
        if assetDecimals >= decimals {
            for _ in decimals..<assetDecimals {
                guard let next = amount.multiplied(by: 10) else { throw .tooLarge }
                amount = next
            }
            return amount
        }
        // At most 18 decimals: the power fits in 64 bits.
        var divisor: UInt64 = 1
        for _ in assetDecimals..<decimals { divisor *= 10 }
        let (quotient, remainder) = amount.quotientAndRemainder(dividingBy: divisor)
        if remainder == 0 { return quotient }
        guard let rounded = quotient.adding(UInt256(1)) else { throw .tooLarge }
        return rounded
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

extension DollarAmount: CustomStringConvertible {
    /// `$0.001`, with the decimals of the text that was read.
    package var description: String {
        var text = digits.description
        guard decimals > 0 else { return "$" + text }
        while text.count <= decimals { text = "0" + text }
        return "$" + text.dropLast(decimals) + "." + text.suffix(decimals)
    }
}
