import Facilitator
import Ledger
import Proxy
import RouteFile

extension PaywallGeneration {
    /// Puts the routes of a file on the rails of its adapters.
    ///
    /// `origin` is what 402s advertise.
    convenience init(_ file: RouteFile, origin: String, registry: AdapterRegistry) {
        let unmatched: PaywallGeneration.Unmatched =
            switch file.server.unmatched {
            case .deny: .deny
            case .free(let upstream):
                .free(PaywallRoute(name: "unmatched", upstream: upstream, registry: registry))
            }
        self.init(
            table: file.table,
            routes: file.routes.map {
                PaywallRoute($0, forwardKey: file.forwardKey, origin: origin, registry: registry)
            },
            upstreams: file.upstreams.map(\.configuration), unmatched: unmatched, canonicaliser: file.canonicaliser)
    }
}

extension PaywallRoute {
    fileprivate convenience init(
        _ route: RouteSettings, forwardKey: Secret?, origin: String, registry: AdapterRegistry
    ) {
        let facts: PaywallRoute.Facts =
            switch route.forwardPayment {
            case .none: .none
            case .plain: .plain
            case .signed: .signed(key: forwardKey?.reveal { Array($0.utf8) } ?? [])
            }
        self.init(
            name: route.name, upstream: route.upstream, offers: route.requirements, timing: route.timing,
            chargeOn: route.chargeOn, redelivery: RedeliveryPolicy(limit: route.redeliveries), facts: facts,
            description: route.description, mimeType: route.mimeType, origin: origin, registry: registry)
    }
}
