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
