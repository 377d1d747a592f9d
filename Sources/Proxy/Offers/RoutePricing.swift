/// What a route asks of its requests.
package enum RoutePricing: Sendable {
    case free
    /// The same of every request.
    case fixed(OfferSheet)
    /// By the rules of a table.
    case table(RouteTariff)

    /// Every sheet that can be told beforehand.
    package var sheets: [OfferSheet] {
        switch self {
        case .free: []
        case .fixed(let sheet): [sheet]
        case .table(let tariff): tariff.sheets.compactMap(\.self) + [tariff.body?.dearest].compactMap(\.self)
        }
    }
}
