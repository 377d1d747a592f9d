package import Primitives

/// What a route costs: nothing, or dollars, or atomic units of named assets.
///
/// `"free"`, `"$0.001"`, `"1000 usdc@base"`, or several joined by commas: `"$0.001, 5000 eurc@base"`. Units that are given
/// for an asset stand before the dollars.
package enum Price: Hashable, Sendable {
    case free
    /// At least one of the two is there.
    case amounts(dollars: DollarAmount?, units: [AssetUnits])

    /// Reads the text of `price`.
    package static func parse(_ text: String) throws(PriceError) -> Price {
        if text == "free" { return .free }
        guard !text.isEmpty else { throw .notAPrice }
        var dollars: DollarAmount?
        var units: [AssetUnits] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let atom = part.drop { $0 == " " }
            if atom.first == "$" {
                guard dollars == nil else { throw .dollarsTwice }
                dollars = try DollarAmount(atom.dropFirst())
            } else {
                let amount = try AssetUnits(atom)
                guard !units.contains(where: { $0.asset == amount.asset }) else { throw .assetTwice(amount.asset) }
                units.append(amount)
            }
        }
        return .amounts(dollars: dollars, units: units)
    }

    /// The atomic units of the asset, nil when the price is free.
    package func amount(in asset: PricedAsset) throws(PriceError) -> UInt256? {
        guard case .amounts(let dollars, let units) = self else { return nil }
        if let given = units.first(where: { $0.asset == asset.id }) { return given.amount }
        guard let dollars else { throw .noAmount(asset: asset.id) }
        guard asset.isDollarPegged else { throw .notPegged(asset: asset.id) }
        return try dollars.atomicUnits(assetDecimals: asset.decimals)
    }

    /// The ids of the assets that the price names.
    package var namedAssets: [String] {
        guard case .amounts(_, let units) = self else { return [] }
        return units.map(\.asset)
    }
}

extension Price: CustomStringConvertible {
    /// The text that reads as this price.
    package var description: String {
        guard case .amounts(let dollars, let units) = self else { return "free" }
        return ((dollars.map { [$0.description] } ?? []) + units.map(\.description)).joined(separator: ", ")
    }
}

/// An amount in the smallest units of one asset.
package struct AssetUnits: Hashable, Sendable, CustomStringConvertible {
    /// The asset's id in the route file.
    package let asset: String
    package let amount: UInt256

    init(asset: String, amount: UInt256) {
        self.asset = asset
        self.amount = amount
    }

    /// Reads `1000 usdc@base`: a whole number without leading zeros, one space, an id.
    fileprivate init(_ text: Substring) throws(PriceError) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let number = words.first, let id = words.last, !id.isEmpty else { throw .notAPrice }
        guard number.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }), !number.isEmpty else {
            throw number.utf8.contains(UInt8(ascii: ".")) ? .fractionOfUnit : .notAPrice
        }
        guard number == "0" || !number.hasPrefix("0") else { throw .notAPrice }
        guard let amount = UInt256(String(number)) else { throw .tooLarge }
        guard amount > .zero else { throw .zero }
        self.asset = String(id)
        self.amount = amount
    }

    package var description: String { "\(amount) \(asset)" }
}

/// An asset that a route accepts, as far as prices go.
package struct PricedAsset: Hashable, Sendable {
    /// The id in the route file, `usdc@base`.
    package var id: String
    package var decimals: Int
    /// Whether one unit is worth one dollar, so that dollar prices can be turned into it.
    package var isDollarPegged: Bool

    package init(id: String, decimals: Int, isDollarPegged: Bool) {
        self.id = id
        self.decimals = decimals
        self.isDollarPegged = isDollarPegged
    }
}

extension PricedAsset {
    /// An amount in the words that payers see: dollars where the asset is pegged to them.
    package func text(of units: UInt256) -> String {
        guard isDollarPegged else { return "\(units) \(id)" }
        var digits = units.description
        guard decimals > 0 else { return "$" + digits }
        if digits.count <= decimals { digits = String(repeating: "0", count: decimals + 1 - digits.count) + digits }
        let fraction = String(String(digits.suffix(decimals)).reversed().drop { $0 == "0" }.reversed())
        let whole = digits.dropLast(decimals)
        return fraction.isEmpty ? "$\(whole)" : "$\(whole).\(fraction)"
    }
}

/// Why a text is no price, or a price cannot be turned into an asset.
package enum PriceError: Error, Hashable, Sendable {
    case notAPrice
    case notADollarAmount
    case tooManyDecimals
    case fractionOfUnit
    case zero
    case tooLarge
    case dollarsTwice
    case assetTwice(String)
    /// The asset is not worth a fixed number of dollars.
    case notPegged(asset: String)
    /// The price names other assets only.
    case noAmount(asset: String)
    /// The rate has more digits than can be divided by.
    case rateTooLong(asset: String)
    /// No whole number of the asset's units lies between minimum and maximum.
    case nothingWithinBounds(asset: String)

    /// What is wrong, for people.
    package var reason: String {
        switch self {
        case .notAPrice: "is not a price: write \"$0.001\", \"1000 usdc@base\" (atomic units) or \"free\""
        case .notADollarAmount: "is not a dollar amount: write digits and a point, as in \"$0.001\""
        case .tooManyDecimals: "has more than \(DollarAmount.maximumDecimals) digits behind the point"
        case .fractionOfUnit: "has a fraction of an atomic unit; atomic units are whole numbers"
        case .zero: "is zero; write \"free\""
        case .tooLarge: "is too large"
        case .dollarsTwice: "has two dollar amounts"
        case .assetTwice(let asset): "has two amounts of \(asset)"
        case .notPegged(let asset): "is in dollars, but \(asset) is not pegged to the dollar; give its atomic units"
        case .noAmount(let asset): "has no amount of \(asset), which the route accepts"
        case .rateTooLong(let asset): "has a rate of more than 19 digits for \(asset)"
        case .nothingWithinBounds(let asset): "leaves no whole unit of \(asset) between minimum and maximum"
        }
    }
}
