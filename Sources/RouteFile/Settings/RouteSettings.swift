package import Ledger
package import Pricing
package import Proxy
package import X402

/// One of `[[routes]]`, with what it inherits from `[payments]`.
package struct RouteSettings: Sendable {
    /// The pattern as it reads back: unique among the routes.
    package var name: String
    package var pattern: RoutePattern
    /// The line of its table in the file.
    package var line: Int
    /// Index into the file's upstreams.
    package var upstream: Int
    package var price: RoutePrice
    /// The prices that can be told beforehand: those of the table's amounts, or the only one; none on a free route.
    package var sheets: [SheetSettings]
    /// How the rates, margins and bounds of its table turn a price into amounts.
    package var terms: PriceTerms
    /// Nil where no rule looks at the body.
    package var bodyPrice: BodyPriceSettings?
    /// Nil where the table tells every price.
    package var source: PriceSourceSettings?
    /// Seconds of the windows in which what payers have paid is counted; nil where no price depends on it.
    package var volumeSeconds: Int64?
    /// The offers of what the source says, but for the amounts.
    package var templates: [RouteOffer]
    package var timing: SettlementTiming
    package var chargeOn: ChargePolicy
    package var redeliveries: Int
    package var maxTimeoutSeconds: Int
    package var description: String
    package var mimeType: String
    package var forwardPayment: ForwardPayment
    /// Protocols that its connections may be switched to.
    package var upgrade: [String]
    /// Longest request body; nil for no limit but the listener's.
    package var maxBodyBytes: UInt64?
    /// Fields of answers that clients do not get.
    package var scrub: [String]
    package var limits: RouteLimits
    /// What everyone may have without paying.
    package var freeTier: FreeTier?
    /// What a payment opens beyond its request.
    package var credit: CreditOffer?
    /// What is sold in place of single requests; nil where the price of a request buys it.
    package var bundle: SheetSettings?
    /// What becomes of clients' own ids; nil where they are not looked at.
    package var identifiers: IdentifierPolicy?
    /// Whether the documents under `/.well-known/x402` list it.
    package var isDiscoverable: Bool
    /// How it is called, for directories.
    package var discovery: DiscoveryDeclaration?
    /// What is counted of its answers.
    package var meter: UsageMeter?

    /// Whether its price is asked for.
    package var mode: RouteMode

    package var isFree: Bool { price == .free }
    /// Whether its requests are priced and recorded, and asked for nothing.
    package var isShadow: Bool { mode == .shadow && !isFree }

    /// Whether its price depends on its path.
    package var pricesByPath: Bool {
        if source != nil { return true }
        guard case .table(let table) = price else { return false }
        return table.fields.contains { if case .path = $0 { true } else { false } }
    }

    /// Every way to pay for any of its prices.
    package var allOffers: [RouteOffer] {
        (sheets + [bodyPrice?.dearest, bundle].compactMap(\.self)).flatMap(\.offers) + templates
    }

    /// What a payment may be, under any of its prices.
    package var requirements: [PaymentRequirements] { allOffers.map(\.requirements) }

    /// What makes two routes cost the same: the rules and all that they lead to.
    package var cost: Cost {
        Cost(
            price: price, sheets: (sheets + [bundle].compactMap(\.self)).map(\.requirements), terms: terms,
            body: bodyPrice,
            freeTier: freeTier, credit: credit, source: source == nil && volumeSeconds == nil ? nil : name)
    }

    package struct Cost: Hashable, Sendable {
        private var price: RoutePrice?
        private var sheets: [[PaymentRequirements]]
        private var terms: PriceTerms
        private var body: BodyPriceSettings?
        private var freeTier: FreeTier?
        private var credit: CreditOffer?
        /// The route, where its prices depend on more than its file: a source, or what payers have paid.
        private var source: String?

        fileprivate init(
            price: RoutePrice, sheets: [[PaymentRequirements]], terms: PriceTerms, body: BodyPriceSettings?,
            freeTier: FreeTier?, credit: CreditOffer?, source: String?
        ) {
            self.source = source
            self.freeTier = freeTier
            self.credit = credit
            // What a fixed price comes to says it all, in whatever words.
            if case .table = price { self.price = price }
            self.sheets = sheets
            self.terms = terms
            self.body = body
        }
    }
}

/// One way to pay for a route.
package struct RouteOffer: Hashable, Sendable {
    package var requirements: PaymentRequirements
    /// The asset's id in the file.
    package var asset: String
    package var assetDecimals: Int
    /// The x402 versions that adapters serve it in; version 1 only where the network has a version 1 name.
    package var versions: [Int]
    /// The adapter of the highest of the versions.
    package var adapter: String
}

/// `mode`: whether a priced route asks for its price.
package enum RouteMode: String, Hashable, Sendable, CaseIterable {
    case enforce
    /// Every request is priced and recorded, and none is asked for anything.
    case shadow
}

/// `forward_payment`: what the upstream is told of a payment.
package enum ForwardPayment: String, Hashable, Sendable, CaseIterable {
    case none, plain, signed
}
