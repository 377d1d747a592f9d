package import Facilitator
package import Ledger
import Pricing
import Primitives
package import X402

/// What is asked for one price: its offers, the rails that take them, and the 402 that shows them.
package final class OfferSheet: Sendable {
    /// The price in the words that payers see.
    package let price: String
    /// The origin that its 402s advertise where the file names one, without a slash at its end.
    let origin: String
    /// What we ask, in order of preference; at least one.
    package let offers: [PaymentRequirements]
    private let madeChallenge: ChallengeTemplate?
    /// Whether it was made for one request, and is kept only for a while.
    let isComputed: Bool
    /// Renders the 402 under another origin.
    let makeChallenge: @Sendable (_ origin: String) -> ChallengeTemplate
    /// How much may be served before it is paid, by offer; empty where all is settled before.
    private let exposures: [PaymentRequirements: ExposureTerms]
    private let rails: [OfferRails]
    private let terms: SheetTerms

    /// The rails of one offer, by the version a payment comes in.
    private struct OfferRails: Sendable {
        var v1: (any Rail)?
        var v2: (any Rail)?
    }

    package init(
        _ offers: [PaymentRequirements], price: String = "", exposures: [PaymentRequirements: ExposureTerms] = [:],
        isComputed: Bool = false, on terms: SheetTerms
    ) {
        precondition(!offers.isEmpty, "a sheet has an offer")
        self.price = price
        origin = terms.origin.hasSuffix("/") ? String(terms.origin.dropLast()) : terms.origin
        self.isComputed = isComputed
        self.terms = terms
        self.offers = offers
        self.exposures = exposures
        let rails = offers.map { offer in
            OfferRails(
                v1: terms.registry.rail(version: 1, scheme: offer.scheme, network: offer.network),
                v2: terms.registry.rail(version: 2, scheme: offer.scheme, network: offer.network))
        }
        self.rails = rails
        // A version is offered where a rail takes it, and first of all where the rail is up.
        let version1 = terms.isVersion2Only ? [] : Self.offered(offers, on: rails.map(\.v1))
        let version2 = Self.offered(offers, on: rails.map(\.v2))
        let isServed = !version1.isEmpty || !version2.isEmpty
        let makeChallenge: @Sendable (String) -> ChallengeTemplate = { origin in
            ChallengeTemplate(
                offers: isServed ? version2 : offers, version1: version1, resourceOrigin: origin,
                description: terms.description, mimeType: terms.mimeType, price: price, grantHeader: "Payment-Grant",
                extensions: terms.extensions, outputSchema: terms.discovery?.version1)
        }
        // Of what is made for one request the 402 is rarely shown.
        madeChallenge = isComputed ? nil : makeChallenge(terms.origin)
        self.makeChallenge = makeChallenge
    }

    /// The 402 under the origin of the file.
    var challenge: ChallengeTemplate { madeChallenge ?? makeChallenge(terms.origin) }

    /// The offers with a rail; without those whose rail is known to be down, as long as any other is left.
    private static func offered(_ offers: [PaymentRequirements], on rails: [(any Rail)?]) -> [PaymentRequirements] {
        let served = zip(offers, rails).compactMap { offer, rail in rail.map { (offer, $0) } }
        let up = served.filter { !$1.canBeProbed || $1.condition == .ready }
        return (up.isEmpty ? served : up).map(\.0)
    }

    /// The same with less asked, for one request; `most` is what an offer asks at most, nil for what it asks here.
    func lowered(to most: (PaymentRequirements) -> (amount: UInt256, asset: PricedAsset)?) -> OfferSheet {
        var lowered: [PaymentRequirements] = []
        var exposures: [PaymentRequirements: ExposureTerms] = [:]
        var price: String?
        for var offer in offers {
            let exposure = self.exposures[offer]
            if let (amount, asset) = most(offer), amount < offer.amount {
                offer.amount = amount
                if price == nil { price = asset.text(of: amount) }
            }
            exposures[offer] = exposure
            lowered.append(offer)
        }
        guard let price else { return self }
        return OfferSheet(lowered, price: price, exposures: exposures, isComputed: true, on: terms)
    }

    /// The same with other offers, for one request.
    func changed(_ change: (inout PaymentRequirements) -> Void) -> OfferSheet {
        var changed: [PaymentRequirements] = []
        var exposures: [PaymentRequirements: ExposureTerms] = [:]
        for var offer in offers {
            let exposure = self.exposures[offer]
            change(&offer)
            exposures[offer] = exposure
            changed.append(offer)
        }
        return OfferSheet(changed, price: price, exposures: exposures, isComputed: true, on: terms)
    }

    /// The rail that takes this offer in this form.
    func rail(of offer: Int, form: PaymentForm) -> (any Rail)? {
        form.x402Version == 1 ? rails[offer].v1 : rails[offer].v2
    }

    /// What a claim under this offer is measured against; nil where nothing is served unpaid.
    func exposure(of offer: PaymentRequirements) -> ExposureTerms? { exposures.isEmpty ? nil : exposures[offer] }

    /// The longest time that an offer of this sheet stands.
    var maxTimeoutSeconds: Int { offers.reduce(0) { max($0, $1.maxTimeoutSeconds) } }
}

/// What the sheets of one route have in common.
package struct SheetTerms: Sendable {
    package var description: String
    package var mimeType: String
    /// The public origin that 402s advertise.
    package var origin: String
    package var registry: AdapterRegistry
    /// What every 402 declares.
    package var extensions: [JSONMember]
    /// How the resource is called, for directories.
    package var discovery: DiscoveryDeclaration?
    /// Whether version 1, which knows no extensions, is not offered.
    package var isVersion2Only: Bool

    package init(
        description: String = "", mimeType: String = "", origin: String = "", registry: AdapterRegistry,
        extensions: [JSONMember] = [], discovery: DiscoveryDeclaration? = nil, isVersion2Only: Bool = false
    ) {
        self.discovery = discovery
        self.extensions = extensions + [discovery?.member].compactMap(\.self)
        self.isVersion2Only = isVersion2Only
        self.description = description
        self.mimeType = mimeType
        self.origin = origin
        self.registry = registry
    }
}
