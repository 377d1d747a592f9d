package import Primitives

/// One offer: what a payment must be for a resource to open.
package struct PaymentRequirements: Hashable, Sendable {
    package var scheme: String
    package var network: Network
    package var asset: Account
    /// Atomic units of the asset.
    package var amount: UInt256
    package var payTo: Account
    package var maxTimeoutSeconds: Int
    package var extra: OfferExtra

    package init(
        scheme: String = "exact", network: Network, asset: Account, amount: UInt256, payTo: Account,
        maxTimeoutSeconds: Int, extra: OfferExtra = OfferExtra()
    ) {
        self.scheme = scheme
        self.network = network
        self.asset = asset
        self.amount = amount
        self.payTo = payTo
        self.maxTimeoutSeconds = maxTimeoutSeconds
        self.extra = extra
    }
}

/// The `extra` object of an offer; for EVM assets the EIP-712 domain's name and version.
package struct OfferExtra: Hashable, Sendable {
    package var name: String?
    package var version: String?
    /// Every other member, in the order of the text.
    package var others: [JSONMember]

    package init(name: String? = nil, version: String? = nil, others: [JSONMember] = []) {
        self.name = name
        self.version = version
        self.others = others
    }
}

/// What is sold, as a 402 describes it.
package struct Resource: Hashable, Sendable {
    /// Absolute URL.
    package var url: String
    package var description: String
    package var mimeType: String
    /// How it is called, in version 1's form.
    package var outputSchema: JSONValue?

    package init(url: String, description: String = "", mimeType: String = "", outputSchema: JSONValue? = nil) {
        self.outputSchema = outputSchema
        self.url = url
        self.description = description
        self.mimeType = mimeType
    }
}
