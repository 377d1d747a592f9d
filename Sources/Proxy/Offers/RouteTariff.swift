package import Pricing

/// A price table with a sheet for each of its amounts.
package final class RouteTariff: Sendable {
    /// How rules look into bodies.
    package struct BodyTerms: Sendable {
        /// How much of a body is kept to be looked at.
        package var maxBytes: Int
        /// What is asked where rules cannot look into it; nil where such a request is refused.
        package var dearest: OfferSheet?

        package init(maxBytes: Int, dearest: OfferSheet? = nil) {
            self.maxBytes = maxBytes
            self.dearest = dearest
        }
    }

    let table: PriceTable
    let reader: FieldReader
    /// In the order of the table's amounts; nil where nothing is asked.
    let sheets: [OfferSheet?]
    /// Nil where no rule looks at the body.
    let body: BodyTerms?
    /// Who is asked where no rule applies; nil where the table says it.
    let source: PriceSource?
    /// Makes the sheets of what the source says.
    let maker: SheetMaker?
    /// Counts what payers pay; nil where no price depends on it.
    let volume: VolumeCounter?

    package init(
        _ table: PriceTable, pattern: RoutePattern, sheets: [OfferSheet?], body: BodyTerms? = nil,
        source: PriceSource? = nil, maker: SheetMaker? = nil, volume: VolumeCounter? = nil
    ) {
        self.source = source
        self.maker = maker
        self.volume = volume
        self.table = table
        self.sheets = sheets
        self.body = body
        reader = FieldReader(table.fields, pattern: pattern)
    }

    /// Whether a price that a source told can be asked: it comes to an amount in every asset, within the bounds.
    func canAsk(_ price: TablePrice) -> Bool {
        if price.price == .free { return source?.refusesFree != true }
        return (try? maker?.sheet(for: price)) != nil
    }
}
