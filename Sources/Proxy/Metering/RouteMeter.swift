import Ledger
package import Pricing
import Primitives
package import X402

/// What a route counts of its answers, with the rates in each asset that pays for it.
package struct RouteMeter: Sendable {
    /// The rates in one asset.
    package struct AssetTariff: Sendable {
        package var network: Network
        package var account: Account
        package var asset: PricedAsset
        package var tariff: UsageTariff

        package init(network: Network, account: Account, asset: PricedAsset, tariff: UsageTariff) {
            self.network = network
            self.account = account
            self.asset = asset
            self.tariff = tariff
        }
    }

    package let meter: UsageMeter
    private let tariffs: [AssetTariff]

    package init(_ meter: UsageMeter, tariffs: [AssetTariff]) {
        self.meter = meter
        self.tariffs = tariffs
    }

    /// The rates in the asset of an offer.
    func tariff(of offer: PaymentRequirements) -> AssetTariff? {
        tariff(in: Currency(network: offer.network, asset: offer.asset))
    }

    /// The rates in what a balance was paid in.
    func tariff(in currency: Currency) -> AssetTariff? {
        tariffs.first { $0.account == currency.asset && $0.network == currency.network }
    }

    /// Whether less than the offer's amount can be taken: then the charge is settled, else the price.
    package static func isCharged(_ offer: PaymentRequirements) -> Bool { offer.scheme == "upto" }
}
