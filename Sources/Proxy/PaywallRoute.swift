package import Facilitator
package import Ledger
import Synchronization
package import X402

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
    /// What we ask, in order of preference; empty on a free route.
    package let offers: [PaymentRequirements]
    package let timing: SettlementTiming
    package let chargeOn: StatusSet
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
    let challenge: ChallengeTemplate?
    /// Hosts that 402s may advertise where the client's origin is known; empty where the file names one origin.
    let advertisedHosts: Set<String>
    /// Renders the 402 under another origin; nil on a free route.
    let makeChallenge: (@Sendable (_ origin: String) -> ChallengeTemplate)?
    /// Seconds that a payment must be valid for beyond its claim: a batch is waited for.
    package let leastValidity: Int64
    /// How much may be served before it is paid, by offer; empty where all is settled before.
    private let exposures: [PaymentRequirements: ExposureTerms]
    private let rails: [OfferRails]

    /// The rails of one offer, by the version a payment comes in.
    private struct OfferRails: Sendable {
        var v1: (any Rail)?
        var v2: (any Rail)?
    }

    /// - Parameter origin: The public origin that 402s advertise.
    package init(
        name: String, upstream: Int, offers: [PaymentRequirements] = [], timing: SettlementTiming = .before,
        chargeOn: StatusSet = .standard, redelivery: RedeliveryPolicy = RedeliveryPolicy(), facts: Facts = .none,
        upgrades: UpgradeSet = .webSocket, returns: ReturnPolicy = .asItCame, maxBodyBytes: UInt64? = nil,
        exposures: [PaymentRequirements: ExposureTerms] = [:], leastValidity: Int64 = 0, meter: RouteMeter? = nil,
        limits: RouteLimits = .none, description: String = "",
        mimeType: String = "", price: String = "", origin: String = "", advertisedHosts: Set<String> = [],
        registry: AdapterRegistry
    ) {
        self.leastValidity = leastValidity
        self.limits = limits
        self.meter = meter
        self.exposures = exposures
        self.name = name
        self.upstream = upstream
        self.offers = offers
        self.timing = timing
        self.chargeOn = chargeOn
        self.redelivery = redelivery
        self.facts = facts
        self.upgrades = upgrades
        self.returns = returns
        self.maxBodyBytes = maxBodyBytes
        let rails = offers.map { offer in
            OfferRails(
                v1: registry.rail(version: 1, scheme: offer.scheme, network: offer.network),
                v2: registry.rail(version: 2, scheme: offer.scheme, network: offer.network))
        }
        self.rails = rails
        // A version is offered where a rail takes it, and first of all where the rail is up.
        let version1 = Self.offered(offers, on: rails.map(\.v1))
        let version2 = Self.offered(offers, on: rails.map(\.v2))
        let isServed = !version1.isEmpty || !version2.isEmpty
        let makeChallenge: @Sendable (String) -> ChallengeTemplate = { origin in
            ChallengeTemplate(
                offers: isServed ? version2 : offers, version1: version1, resourceOrigin: origin,
                description: description, mimeType: mimeType, price: price, grantHeader: "Payment-Grant")
        }
        challenge = offers.isEmpty ? nil : makeChallenge(origin)
        self.makeChallenge = offers.isEmpty ? nil : makeChallenge
        self.advertisedHosts = advertisedHosts
    }

    package var isFree: Bool { offers.isEmpty }

    /// The offers with a rail; without those whose rail is known to be down, as long as any other is left.
    private static func offered(_ offers: [PaymentRequirements], on rails: [(any Rail)?]) -> [PaymentRequirements] {
        let served = zip(offers, rails).compactMap { offer, rail in rail.map { (offer, $0) } }
        let up = served.filter { !$1.canBeProbed || $1.condition == .ready }
        return (up.isEmpty ? served : up).map(\.0)
    }

    /// The rail that takes this offer in this form.
    func rail(of offer: Int, form: PaymentForm) -> (any Rail)? {
        form.x402Version == 1 ? rails[offer].v1 : rails[offer].v2
    }

    /// What a claim under this offer is measured against; nil where nothing is served unpaid.
    func exposure(of offer: PaymentRequirements) -> ExposureTerms? { exposures.isEmpty ? nil : exposures[offer] }

    /// The longest time that an offer of this route stands.
    var maxTimeoutSeconds: Int { offers.reduce(0) { max($0, $1.maxTimeoutSeconds) } }
}
