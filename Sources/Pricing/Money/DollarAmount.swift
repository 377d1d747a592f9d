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

    /// An amount that was worked out; `digits` is not zero.
    init(digits: UInt256, decimals: Int) {
        self.digits = digits
        self.decimals = decimals
    }

    /// The same amount with as few digits behind the point as it needs.
    var withoutTrailingZeros: DollarAmount {
        var (digits, decimals) = (digits, decimals)
        while decimals > 0 {
            let (quotient, remainder) = digits.quotientAndRemainder(dividingBy: 10)
            if remainder != 0 { break }
            digits = quotient
            decimals -= 1
        }
        return DollarAmount(digits: digits, decimals: decimals)
    }

    /// The amount in units of ten to the minus `assetDecimals`, rounded up.
    package func atomicUnits(assetDecimals: Int) throws(PriceError) -> UInt256 {
        precondition(assetDecimals >= 0, "decimals are not negative")
        return try ScaledQuotient(digits, exponent: assetDecimals - decimals).rounded(.up)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

extension DollarAmount: Comparable {
    /// Compares by value, however many zeros the texts had.
    package static func < (left: DollarAmount, right: DollarAmount) -> Bool {
        let places = max(left.decimals, right.decimals)
        // What does not fit once it is scaled is larger than what does.
        let (mine, theirs) = (left.scaled(to: places), right.scaled(to: places))
        guard let mine else { return false }
        guard let theirs else { return true }
        return mine < theirs
    }

    private func scaled(to places: Int) -> UInt256? {
        (decimals..<places).reduce(digits) { digits, _ in digits?.multiplied(by: 10) }
    }
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
