package import Facilitator
package import Proxy
package import Transport
package import X402

/// One price of a route, with the offers that it comes to.
package struct SheetSettings: Hashable, Sendable {
    /// The price in the words that payers see.
    package var price: String
    /// In order of preference; empty where the price is "free".
    package var offers: [RouteOffer]

    package var isFree: Bool { offers.isEmpty }

    /// What a payment must be, in order of preference.
    package var requirements: [PaymentRequirements] { offers.map(\.requirements) }
}

/// How a price table looks into request bodies.
package struct BodyPriceSettings: Hashable, Sendable {
    /// How much of a body is kept to be looked at.
    package var maxBytes: Int
    /// What is asked where rules cannot look into it; nil where such a request is refused.
    package var dearest: SheetSettings?

    package init(maxBytes: Int, dearest: SheetSettings?) {
        self.maxBytes = maxBytes
        self.dearest = dearest
    }
}

/// Who tells a route's price where no rule does.
package struct PriceSourceSettings: Sendable {
    package enum Kind: Sendable {
        case service(PriceServiceSettings)
        case upstream(UpstreamQuote)
    }

    package var kind: Kind
    package var isUpstream: Bool { if case .upstream = kind { true } else { false } }
    /// For an answer.
    package var timeout: Duration
    /// Whole seconds for which an answer holds at most.
    package var lifetime: Int64
    package var maxConcurrent: Int
    /// The table's fields that it is told.
    package var fields: [Int]
    /// The sheet that is asked where it fails; nil where the request is refused.
    package var fallback: Int?
}

/// `[routes.price.service]`: where it is, and who we are there.
package struct PriceServiceSettings: Sendable {
    package var url: OutgoingURL
    package var apiKey: Secret?
}
