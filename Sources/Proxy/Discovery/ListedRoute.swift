package import Pricing
package import X402

/// What the documents tell of a priced route: nothing of its upstream, and nothing of what its rules look at.
package struct ListedRoute: Sendable {
    /// One of its prices.
    package struct Price: Sendable {
        /// In the words that payers see.
        package var text: String
        /// Nil where it is in units of assets only.
        package var dollars: DollarAmount?
        /// Empty where nothing is asked.
        package var offers: [PaymentRequirements]

        package init(text: String, dollars: DollarAmount?, offers: [PaymentRequirements]) {
            self.text = text
            self.dollars = dollars
            self.offers = offers
        }
    }

    package var pattern: RoutePattern
    package var description: String
    package var mimeType: String
    /// At least one.
    package var prices: [Price]
    /// Whether there are prices that nobody knows beforehand.
    package var hasUnknownPrices: Bool
    /// Whether less than the price may be charged.
    package var isMetered: Bool
    /// How it is called.
    package var declaration: DiscoveryDeclaration?

    package init(
        pattern: RoutePattern, description: String = "", mimeType: String = "", prices: [Price],
        hasUnknownPrices: Bool = false, isMetered: Bool = false, declaration: DiscoveryDeclaration? = nil
    ) {
        self.declaration = declaration
        self.pattern = pattern
        self.description = description
        self.mimeType = mimeType
        self.prices = prices
        self.hasUnknownPrices = hasUnknownPrices
        self.isMetered = isMetered
    }

    /// The methods of the route that an OpenAPI document can have, lower-case.
    var operations: [String] {
        let known = ["get", "put", "post", "delete", "patch", "options", "head", "trace"]
        guard let methods = pattern.methods else { return ["get", "post", "put", "patch", "delete"] }
        return methods.map { $0.lowercased() }.filter(known.contains)
    }

    /// The price in a few words: `$0.001`, or `from $0.001 to $0.05`.
    var priceText: String {
        let texts = prices.map(\.text).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let bound = range
        if texts.isEmpty { return "told by the 402" }
        guard texts.count > 1 || hasUnknownPrices else { return texts.first ?? "" }
        guard let (least, most) = bound else { return texts.joined(separator: " or ") }
        if hasUnknownPrices { return "from \(least)" }
        return least == most ? "\(most)" : "from \(least) to \(most)"
    }

    /// The least and the most dollars, as texts; nil where a price is in units of assets only.
    private var range: (least: String, most: String)? {
        var amounts: [DollarAmount] = []
        var hasFree = false
        for price in prices {
            if price.offers.isEmpty {
                hasFree = true
            } else if let dollars = price.dollars {
                amounts.append(dollars)
            } else {
                return nil
            }
        }
        guard let least = amounts.min(), let most = amounts.max() else { return nil }
        return (hasFree ? "$0" : least.description, most.description)
    }

    /// `x-payment-info` of its operations, in the form that x402 directories read.
    var paymentInfo: JSONValue {
        var members: [JSONMember] = []
        if let (least, most) = range {
            let isFixed = least == most && !hasUnknownPrices && !isMetered
            var price = [
                JSONMember("mode", .string(isFixed ? "fixed" : "dynamic")), JSONMember("currency", .string("USD")),
            ]
            if isFixed {
                price.append(JSONMember("amount", .string(String(most.dropFirst()))))
            } else {
                price.append(JSONMember("min", .string(isMetered ? "0" : String(least.dropFirst()))))
                if !hasUnknownPrices { price.append(JSONMember("max", .string(String(most.dropFirst())))) }
            }
            members.append(JSONMember("price", .object(price)))
        }
        members.append(JSONMember("text", .string(isMetered ? "at most \(priceText), by what is used" : priceText)))
        members.append(JSONMember("protocols", .array([.object([JSONMember("x402", .object([]))])])))
        let offers = prices.flatMap(\.offers).reduce(into: [PaymentRequirements]()) { all, offer in
            if !all.contains(where: { $0.isSameRail(as: offer) }) { all.append(offer) }
        }
        members.append(
            JSONMember(
                "accepts",
                .array(
                    offers.map { offer in
                        .object([
                            JSONMember("scheme", .string(offer.scheme)),
                            JSONMember("network", .string(offer.network.name)),
                            JSONMember("asset", .string(offer.asset.description)),
                            JSONMember("payTo", .string(offer.payTo.description)),
                        ])
                    })))
        return .object(members)
    }
}

extension PaymentRequirements {
    /// Whether both are paid in the same way to the same account.
    fileprivate func isSameRail(as other: PaymentRequirements) -> Bool {
        scheme == other.scheme && network == other.network && asset == other.asset && payTo == other.payTo
    }
}
