package import Ledger
package import Pricing
import Primitives
import Synchronization
package import X402

/// Makes sheets for prices that are known only when a request has come, and keeps the latest of them.
package final class SheetMaker: Sendable {
    /// An asset that the route accepts, and the offer in it but for its amount.
    package struct Asset: Sendable {
        package var asset: PricedAsset
        package var offer: PaymentRequirements
        /// How much may be served before it is paid under an offer; nil where all is settled before.
        package var exposure: @Sendable (PaymentRequirements) -> ExposureTerms?

        package init(
            asset: PricedAsset, offer: PaymentRequirements,
            exposure: @escaping @Sendable (PaymentRequirements) -> ExposureTerms? = { _ in nil }
        ) {
            self.asset = asset
            self.offer = offer
            self.exposure = exposure
        }
    }

    /// Sheets that are kept; one more lets go of another.
    package static let maximumSheets = 256

    let assets: [Asset]
    private let terms: PriceTerms
    private let sheetTerms: SheetTerms
    private let sheets = Mutex<[TablePrice: OfferSheet]>([:])

    package init(_ assets: [Asset], terms: PriceTerms, on sheetTerms: SheetTerms) {
        self.assets = assets
        self.terms = terms
        self.sheetTerms = sheetTerms
    }

    /// The sheet of a price; nil where it is free.
    ///
    /// It throws where the price is not one in every asset, or names another.
    func sheet(for price: TablePrice) throws(PriceError) -> OfferSheet? {
        if price.price == .free { return nil }
        if let known = sheets.withLock({ $0[price] }) { return known }
        if let foreign = price.price.namedAssets.first(where: { id in !assets.contains { $0.asset.id == id } }) {
            throw .noAmount(asset: foreign)
        }
        var amounts: [UInt256] = []
        for asset in assets {
            guard let amount = try terms.amount(of: price, in: asset.asset) else { return nil }
            amounts.append(amount.units)
        }
        let made = sheet(Array(zip(assets, amounts)), price: try terms.bundled(price).description)
        sheets.withLock { sheets in
            if sheets.count >= Self.maximumSheets, let some = sheets.keys.first { sheets[some] = nil }
            sheets[price] = made
        }
        return made
    }

    private func sheet(_ offers: [(Asset, UInt256)], price: String) -> OfferSheet {
        var requirements: [PaymentRequirements] = []
        var exposures: [PaymentRequirements: ExposureTerms] = [:]
        for (asset, amount) in offers {
            var offer = asset.offer
            offer.amount = amount
            requirements.append(offer)
            exposures[offer] = asset.exposure(offer)
        }
        return OfferSheet(requirements, price: price, exposures: exposures, isComputed: true, on: sheetTerms)
    }
}
