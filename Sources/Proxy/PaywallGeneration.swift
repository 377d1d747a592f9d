package import Pricing
package import Transport
import X402

/// One file in force: routes, upstreams and offers, worked out and never changed.
package final class PaywallGeneration: Sendable {
    /// What becomes of a request that no route matches.
    package enum Unmatched: Sendable {
        case deny
        /// Forwarded without a payment, to this upstream.
        case free(PaywallRoute)
    }

    package let table: RouteTable
    /// In the order of the table.
    package let routes: [PaywallRoute]
    package let upstreams: [UpstreamGroupConfiguration]
    /// For each upstream the keys of its servers.
    let upstreamKeys: [[UpstreamKey]]
    package let unmatched: Unmatched
    package let canonicaliser: Canonicaliser
    /// Whose word about clients is taken.
    package let trust: ProxyTrust
    /// How much one client and one payer may have.
    package let limits: RequestLimits
    /// What tells what is sold; nil where the file does not want it told.
    let discovery: DiscoveryBook?
    /// Whether each request gets a line of log.
    package let hasAccessLog: Bool
    /// Whom payments may go to; an older file's offer to anyone else no longer stands.
    let payTo: Set<Account>
    private let routesByName: [String: PaywallRoute]

    package init(
        table: RouteTable, routes: [PaywallRoute], upstreams: [UpstreamGroupConfiguration],
        unmatched: Unmatched = .deny,
        canonicaliser: Canonicaliser = Canonicaliser(), trust: ProxyTrust = ProxyTrust(),
        limits: RequestLimits = RequestLimits(), hasAccessLog: Bool = true, discovery: DiscoveryBook? = nil
    ) {
        self.discovery = discovery
        self.hasAccessLog = hasAccessLog
        self.table = table
        self.routes = routes
        self.upstreams = upstreams
        upstreamKeys = upstreams.map { $0.members.map { UpstreamKey($0.configuration) } }
        self.unmatched = unmatched
        self.canonicaliser = canonicaliser
        self.trust = trust
        self.limits = limits
        payTo = routes.reduce(into: []) { $0.formUnion($1.payees) }
        routesByName = Dictionary(routes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func route(named name: String) -> PaywallRoute? { routesByName[name] }

    /// The longest time that any offer of this file stands.
    var maxTimeoutSeconds: Int { routes.reduce(0) { max($0, $1.maxTimeoutSeconds) } }
}

extension PaywallGeneration {
    /// The route of a canonical target.
    func match(
        method: UnsafeRawBufferPointer, raw: UnsafeRawBufferPointer, target: CanonicalTarget,
        host: UnsafeRawBufferPointer?
    ) -> RouteMatch {
        table.match(method: method, canonical: target, target: raw, host: host)
    }
}

/// What makes the servers of two files the same pool.
struct UpstreamKey: Hashable, Sendable {
    private let text: String

    /// Every setting takes part, so that a changed limit makes a new pool.
    init(_ configuration: UpstreamConfiguration) { text = "\(configuration)" }
}
