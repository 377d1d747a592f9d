package import X402

/// What a route asks of its requests.
package enum RoutePricing: Sendable {
    case free
    /// The same of every request.
    case fixed(OfferSheet)
    /// By the rules of a table.
    case table(RouteTariff)

    /// Every offer that can be told beforehand; those whose amount cannot, without it.
    package var offers: [PaymentRequirements] {
        switch self {
        case .free: []
        case .fixed(let sheet): sheet.offers
        case .table(let tariff):
            (tariff.sheets + [tariff.body?.dearest]).compactMap(\.self).flatMap(\.offers)
                + (tariff.maker?.assets.map(\.offer) ?? [])
        }
    }
}
