import Facilitator
import Ledger
import Pricing
import Proxy
import Transport
import X402

/// What a process runs, as the file says: everything is checked, nothing is open yet.
struct NodePlan: Sendable {
    /// Nil for a facilitator alone.
    var paywall: PaywallPlan?
    var facilitator: FacilitatorPlan?
    var ledger: LedgerPlace
    var adapters: [AdapterConfiguration]
    var drainTimeout: Duration
    var hasAccessLog: Bool
}

/// Where payments are recorded.
enum LedgerPlace: Hashable, Sendable {
    /// Forgotten when the process ends.
    case memory
    case sqlite(path: String)
}

/// The paywall's part of the file.
struct PaywallPlan: Sendable {
    var addresses: [ListenAddress]
    /// The origin that 402s advertise; nil for the address of the first listener.
    var publicOrigin: String?
    var limits: ServerLimits
    var routes: [RoutePlan]
    var upstreams: [UpstreamConfiguration]
    /// The upstream of requests that no route matches; nil to answer them with 404.
    var unmatchedUpstream: Int?
}

/// One route, before its rails are known.
struct RoutePlan: Sendable {
    var name: String
    var pattern: RoutePattern
    var upstream: Int
    var offers: [PaymentRequirements]
    var timing: SettlementTiming
    var chargeOn: StatusSet
    var redelivery: RedeliveryPolicy
    var facts: PaywallRoute.Facts
    var description: String
    var mimeType: String
}

/// The facilitator's part of the file.
struct FacilitatorPlan: Sendable {
    var addresses: [ListenAddress]
    var keys: APIKeys?
    /// Nil for every recipient.
    var payToAllowed: Set<Account>?
    var rateLimit: RateLimiter.Policy?
}
