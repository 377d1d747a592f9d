package import Ledger
import Synchronization
import X402

/// A route as the path of a request needs it: everything that does not vary is worked out.
package final class PaywallRoute: Sendable {
    /// What the upstream is told of a payment (`forward_payment`).
    package enum Facts: Sendable {
        case none
        case plain
        /// With an HMAC-SHA-256 under this key over the facts, the method, the target and the time.
        case signed(key: [UInt8])
    }

    /// The pattern as the file spells it.
    package let name: String
    /// Index into the generation's upstreams.
    package let upstream: Int
    package let pricing: RoutePricing
    /// What everyone may have without paying.
    package let freeTier: FreeTier?
    /// What a payment opens beyond its request.
    package let credit: RouteCredit?
    /// What becomes of clients' own ids; nil where they are not looked at.
    package let identifiers: IdentifierPolicy?
    /// Whether it asks nothing of any request: it has no price, or is in shadow mode.
    package let isFree: Bool
    /// Whether its requests are priced and recorded, and asked for nothing.
    package let isShadow: Bool
    /// The longest time that an offer of this route stands.
    let maxTimeoutSeconds: Int
    /// Whom its offers pay.
    let payees: Set<Account>
    package let timing: SettlementTiming
    package let chargeOn: ChargePolicy
    package let redelivery: RedeliveryPolicy
    package let facts: Facts
    package let limits: RouteLimits
    /// What is counted of answers that are paid for; nil where the price is all.
    package let meter: RouteMeter?
    /// Who may run at the same time; set before the route is in force.
    let gate = AtomicLazyReference<ConcurrencyGate>()
    package let upgrades: UpgradeSet
    package let returns: ReturnPolicy
    /// Longest request body in bytes; nil for no limit but the listener's.
    package let maxBodyBytes: UInt64?
    /// Hosts that 402s may advertise where the client's origin is known; empty where the file names one origin.
    let advertisedHosts: Set<String>
    /// Seconds that a payment must be valid for beyond its claim: a batch is waited for.
    package let leastValidity: Int64

    package init(
        name: String, upstream: Int, pricing: RoutePricing = .free, freeTier: FreeTier? = nil,
        credit: RouteCredit? = nil, timing: SettlementTiming = .before,
        chargeOn: ChargePolicy = .standard, redelivery: RedeliveryPolicy = RedeliveryPolicy(), facts: Facts = .none,
        upgrades: UpgradeSet = .webSocket, returns: ReturnPolicy = .asItCame, maxBodyBytes: UInt64? = nil,
        leastValidity: Int64 = 0, meter: RouteMeter? = nil, limits: RouteLimits = .none,
        advertisedHosts: Set<String> = [], identifiers: IdentifierPolicy? = nil, isShadow: Bool = false
    ) {
        self.identifiers = identifiers
        self.leastValidity = leastValidity
        self.limits = limits
        self.meter = meter
        self.name = name
        self.upstream = upstream
        self.pricing = pricing
        self.freeTier = freeTier
        self.credit = credit
        let hasPrice = if case .free = pricing { false } else { true }
        self.isShadow = isShadow && hasPrice
        isFree = isShadow || !hasPrice
        let offers = pricing.offers + (credit?.sale?.offers ?? [])
        maxTimeoutSeconds = offers.reduce(0) { max($0, $1.maxTimeoutSeconds) }
        payees = Set(offers.map(\.payTo))
        self.timing = timing
        self.chargeOn = chargeOn
        self.redelivery = redelivery
        self.facts = facts
        self.upgrades = upgrades
        self.returns = returns
        self.maxBodyBytes = maxBodyBytes
        self.advertisedHosts = advertisedHosts
    }
}
