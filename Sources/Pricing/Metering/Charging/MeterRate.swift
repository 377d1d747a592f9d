import Primitives

/// What a number of units costs: `$2.50 / 1M`, `1000 usdc@base / 1k`, `$0.01`.
package struct MeterRate: Hashable, Sendable, CustomStringConvertible {
    /// Never free.
    let price: Price
    /// The price is for ten to this power of units.
    let exponent: Int
    /// The text that was read.
    package let description: String

    private static let scales = ["1": 0, "1k": 3, "1M": 6, "1G": 9]

    /// Reads a price, and perhaps ` / ` and `1`, `1k`, `1M` or `1G`.
    package init(_ text: String) throws(MeterError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2 else { throw .notARate }
        var scale = "1"
        if parts.count == 2 {
            guard first.hasSuffix(" "), parts[1].hasPrefix(" ") else { throw .notARate }
            scale = String(parts[1].dropFirst())
        }
        guard let exponent = Self.scales[scale] else { throw .notAScale }
        let price: Price
        do throws(PriceError) {
            price = try Price.parse(String(parts.count == 2 ? first.dropLast() : first))
        } catch {
            throw error == .notAPrice ? .notARate : .price(error)
        }
        guard price != .free else { throw .notARate }
        self.price = price
        self.exponent = exponent
        description = text
    }

    /// What one unit costs, in atomic units of the asset.
    func perUnit(of asset: PricedAsset) throws(PriceError) -> DecimalFraction {
        guard case .amounts(let dollars, let units) = price else { throw .notAPrice }
        if let given = units.first(where: { $0.asset == asset.id }) {
            return DecimalFraction(digits: given.amount, decimals: exponent)
        }
        guard let dollars else { throw .noAmount(asset: asset.id) }
        guard asset.isDollarPegged else { throw .notPegged(asset: asset.id) }
        let decimals = dollars.decimals + exponent - asset.decimals
        guard decimals < 0 else { return DecimalFraction(digits: dollars.digits, decimals: decimals) }
        guard let digits = dollars.digits.scaled(byTenTo: -decimals) else { throw .tooLarge }
        return DecimalFraction(digits: digits, decimals: 0)
    }

    /// The ids of the assets that the rate names.
    package var namedAssets: [String] { price.namedAssets }
}

/// A number with digits behind the point, exactly.
struct DecimalFraction: Hashable, Sendable {
    var digits: UInt256
    /// How many of the digits stand behind the point.
    var decimals: Int
}

extension UInt256 {
    /// The product with ten to a power, nil when it does not fit.
    func scaled(byTenTo power: Int) -> UInt256? {
        var value = self
        for _ in 0..<power {
            guard let next = value.multiplied(by: 10) else { return nil }
            value = next
        }
        return value
    }

    /// The quotient by ten to a power, rounded up.
    func dividedUp(byTenTo power: Int) -> UInt256 {
        var value = self
        var rest = power
        while rest > 0 {
            // Rounding up in steps comes to the same as once.
            let step = Swift.min(rest, 18)
            var divisor: UInt64 = 1
            for _ in 0..<step { divisor *= 10 }
            let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
            // A quotient by ten or more has room for one more.
            value = remainder == 0 ? quotient : quotient.adding(UInt256(1)) ?? quotient
            rest -= step
        }
        return value
    }
}

/// Why a meter cannot be had as the file describes it.
package enum MeterError: Error, Hashable, Sendable {
    case notARate
    case notAScale
    case price(PriceError)
    case nothingCounted
    /// Neither counted by the path nor told by the preset or a path of the file.
    case unknownQuantity(String)
    case tooManyPaths
    case notASource
    /// The maximum is to come from the request, and nothing in it bounds this.
    case unbounded(String)

    /// What is wrong, for people.
    package var reason: String {
        switch self {
        case .notARate: "is not a rate: write \"$2.50 / 1M\", \"1000 usdc@base / 1k\" (atomic units) or \"$0.01\""
        case .notAScale: "is not for a number of units that is known: write \"/ 1\", \"/ 1k\", \"/ 1M\" or \"/ 1G\""
        case .price(let error): error.reason
        case .nothingCounted: "has no rate: say in per what is counted and what it costs"
        case .unknownQuantity(let name): "does not say where \(name) is read: add it to usage, or choose a preset"
        case .tooManyPaths: "names more than \(UsageShape.maximumPaths) paths"
        case .unbounded(let name):
            "lets no request say how much of \(name) its answer may have: choose a preset, give an estimate, or leave it out"
        case .notASource:
            "is not a place of usage: write a path such as \"usage.total_tokens\", \"header:X-Tokens\" or \"trailer:X-Tokens\""
        }
    }
}
