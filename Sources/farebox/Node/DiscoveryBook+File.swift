import Pricing
import Proxy
import RouteFile
import X402

extension DiscoveryBook {
    /// What a file sells; routes that ask nothing, or do not want to be found, are not listed.
    convenience init(_ file: RouteFile, origin: String) {
        self.init(
            file.routes.filter { !$0.isFree && !$0.isShadow && $0.isDiscoverable }.compactMap(ListedRoute.init),
            origin: origin,
            hosts: file.server.hasPublicURL ? [] : Set(file.routes.compactMap(\.pattern.host)),
            patterns: file.routes.map(\.pattern))
    }
}

extension ListedRoute {
    fileprivate init?(_ route: RouteSettings) {
        // Whoever asks pays for a bundle, where one is sold.
        let sheets = route.bundle.map { [$0] } ?? route.sheets + [route.bodyPrice?.dearest].compactMap(\.self)
        var hasUnknownPrices = false
        if case .table(let table) = route.price {
            hasUnknownPrices = if case .amount = table.fallback { false } else { true }
        }
        if sheets.isEmpty, !hasUnknownPrices { return nil }
        self.init(
            pattern: route.pattern, description: route.description, mimeType: route.mimeType,
            prices: sheets.map { Price($0) }, hasUnknownPrices: hasUnknownPrices, isMetered: route.isMetered,
            declaration: route.discovery)
    }
}

extension RouteSettings {
    /// Whether less than the price may be charged.
    fileprivate var isMetered: Bool { meter != nil && allOffers.contains { $0.requirements.scheme == "upto" } }
}

extension ListedRoute.Price {
    fileprivate init(_ sheet: SheetSettings) {
        let price = try? Price.parse(sheet.price)
        var dollars: DollarAmount?
        if case .amounts(let amount, _)? = price { dollars = amount }
        self.init(text: sheet.price, dollars: dollars, offers: sheet.requirements)
    }
}
