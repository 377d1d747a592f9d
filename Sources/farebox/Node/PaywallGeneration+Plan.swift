import Facilitator
import Pricing
import Proxy
import X402

extension PaywallGeneration {
    /// Puts the routes of a file on the rails of its adapters.
    ///
    /// `origin` is what 402s advertise.
    convenience init(_ plan: PaywallPlan, origin: String, registry: AdapterRegistry) throws(NodeFailure) {
        let routes = plan.routes.map { PaywallRoute($0, origin: origin, registry: registry) }
        let entries = zip(plan.routes, plan.costs).map { RouteTable.Entry($0.pattern, cost: $1) }
        let unmatched = plan.unmatchedUpstream.map { upstream in
            PaywallGeneration.Unmatched.free(PaywallRoute(name: "unmatched", upstream: upstream, registry: registry))
        }
        let table: RouteTable
        do throws(RouteConflict) {
            table = try RouteTable(entries, unmatched: plan.unmatchedUpstream == nil ? .deny : .free())
        } catch {
            throw NodeFailure(
                "routes `\(plan.routes[error.first].name)` and `\(plan.routes[error.second].name)` match the same requests"
            )
        }
        self.init(table: table, routes: routes, upstreams: plan.upstreams, unmatched: unmatched ?? .deny)
    }
}

extension PaywallRoute {
    fileprivate convenience init(_ plan: RoutePlan, origin: String, registry: AdapterRegistry) {
        self.init(
            name: plan.name, upstream: plan.upstream, offers: plan.offers, timing: plan.timing,
            chargeOn: plan.chargeOn, redelivery: plan.redelivery, facts: plan.facts, description: plan.description,
            mimeType: plan.mimeType, origin: origin, registry: registry)
    }
}

extension PaywallPlan {
    /// Routes with the same offers cost the same.
    fileprivate var costs: [RouteCost] {
        var classes: [[PaymentRequirements]: Int] = [:]
        return routes.map { route in
            if route.offers.isEmpty { return .free }
            let known = classes[route.offers] ?? classes.count
            classes[route.offers] = known
            return .priced(class: known)
        }
    }
}
