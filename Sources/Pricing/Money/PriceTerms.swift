package import Primitives

/// How the prices of a table become amounts: rates of assets, the margin on costs, the least and the most.
package struct PriceTerms: Hashable, Sendable {
    /// Dollars for one whole unit, by asset.
    package var rates: [String: DollarAmount]
    /// What is added to costs.
    package var margin: Percentage?
    package var minimum: DollarAmount?
    package var maximum: DollarAmount?

    package init(
        rates: [String: DollarAmount] = [:], margin: Percentage? = nil, minimum: DollarAmount? = nil,
        maximum: DollarAmount? = nil
    ) {
        self.rates = rates
        self.margin = margin
        self.minimum = minimum
        self.maximum = maximum
    }

    /// The terms of a price outside any table.
    package static let none = PriceTerms()

    /// An amount, and whether the least or the most decided it.
    package struct Amount: Hashable, Sendable {
        package enum Bound: Hashable, Sendable { case none, raised, lowered }

        package var units: UInt256
        package var bound: Bound

        package init(units: UInt256, bound: Bound) {
            self.units = units
            self.bound = bound
        }
    }

    /// The atomic units of an asset that a price comes to; nil when it is free.
    ///
    /// Units that the price gives for the asset stand before its dollars. Rounded up, once; a maximum is rounded down.
    package func amount(of price: TablePrice, in asset: PricedAsset) throws(PriceError) -> Amount? {
        guard case .amounts(let dollars, let units) = price.price else { return nil }
        if let given = units.first(where: { $0.asset == asset.id }) {
            return try bounded(withMargin(given.amount, price), in: asset)
        }
        guard let dollars else { throw .noAmount(asset: asset.id) }
        return try bounded(convert(withMargin(dollars, price), to: asset, .up), in: asset)
    }

    /// The price in the words that payers see: one price, with the margin in it and within the bounds.
    package func bundled(_ price: TablePrice) throws(PriceError) -> Price {
        guard case .amounts(let dollars, let units) = price.price else { return .free }
        var shown: DollarAmount?
        if let dollars {
            var amount = try withMargin(dollars, price)
            if let minimum { amount = max(amount, minimum) }
            if let maximum { amount = min(amount, maximum) }
            shown = amount
        }
        var bundledUnits: [AssetUnits] = []
        for given in units {
            bundledUnits.append(AssetUnits(asset: given.asset, amount: try withMargin(given.amount, price)))
        }
        return .amounts(dollars: shown, units: bundledUnits)
    }

    private func withMargin(_ dollars: DollarAmount, _ price: TablePrice) throws(PriceError) -> DollarAmount {
        guard price.isCost, let margin else { return dollars }
        return try margin.added(to: dollars)
    }

    private func withMargin(_ units: UInt256, _ price: TablePrice) throws(PriceError) -> UInt256 {
        guard price.isCost, let margin else { return units }
        return try margin.added(to: units)
    }

    private func bounded(_ units: UInt256, in asset: PricedAsset) throws(PriceError) -> Amount {
        var least: UInt256?
        var most: UInt256?
        if let minimum { least = try convert(minimum, to: asset, .up) }
        if let maximum { most = try convert(maximum, to: asset, .down) }
        if let most, most < least ?? UInt256(1) { throw .nothingWithinBounds(asset: asset.id) }
        if let most, units > most { return Amount(units: most, bound: .lowered) }
        if let least, units < least { return Amount(units: least, bound: .raised) }
        return Amount(units: units, bound: .none)
    }

    /// Dollars in units of an asset: by its rate if it has one, else by its peg.
    private func convert(
        _ dollars: DollarAmount, to asset: PricedAsset, _ rounding: ScaledQuotient.Rounding
    ) throws(PriceError) -> UInt256 {
        let exponent = asset.decimals - dollars.decimals
        guard let rate = rates[asset.id] else {
            guard asset.isDollarPegged else { throw .notPegged(asset: asset.id) }
            return try ScaledQuotient(dollars.digits, exponent: exponent).rounded(rounding)
        }
        guard let divisor = rate.digits.uint64 else { throw .rateTooLong(asset: asset.id) }
        return try ScaledQuotient(dollars.digits, exponent: exponent + rate.decimals, dividedBy: divisor)
            .rounded(rounding)
    }
}

/// A price of a table: what a payer is asked, or a cost on which the margin comes.
package struct TablePrice: Hashable, Sendable, CustomStringConvertible {
    package var price: Price
    package var isCost: Bool

    package init(_ price: Price, isCost: Bool = false) {
        self.price = price
        self.isCost = isCost
    }

    package var description: String { price.description }
}
