import Primitives

/// What a payer reads from a 402.
package struct PaymentRequiredAnswer: Hashable, Sendable {
    /// The form to pay in.
    package var form: PaymentForm
    package var error: String?
    package var resource: Resource?
    /// In the server's order of preference; entries that we cannot read are left out.
    package var offers: [PaymentRequirements]
    /// Unix time at which a plain offer ends, nil in the other forms.
    ///
    /// The offer's `maxTimeoutSeconds` is then zero.
    package var expires: UInt64?

    package init(
        form: PaymentForm, error: String? = nil, resource: Resource? = nil, offers: [PaymentRequirements],
        expires: UInt64? = nil
    ) {
        self.form = form
        self.error = error
        self.resource = resource
        self.offers = offers
        self.expires = expires
    }

    package var version: Int { form.x402Version }

    /// Reads the forms in the order in which official clients do, the plain form last.
    ///
    /// A `PAYMENT-REQUIRED` that is there and not empty decides alone: a broken one throws, whatever the body says.
    package static func parse(
        paymentRequiredHeader: String?, body: UnsafeRawBufferPointer, xPaymentRequired: String?
    ) throws(WireError) -> PaymentRequiredAnswer {
        if let header = paymentRequiredHeader, !header.isEmpty { return try parse(header: header) }
        if let json = try? JSONValue.parse(body), json["x402Version"] == .number("1") { return try parse(v1: json) }
        guard let xPaymentRequired else { throw WireError(.noOffers) }
        return try parse(plain: xPaymentRequired)
    }

    private static func parse(header: String) throws(WireError) -> PaymentRequiredAnswer {
        guard let bytes = Base64.decode(header) else { throw WireError(.notBase64) }
        let json = try JSONValue.parse(bytes)
        guard case .object = json else { throw WireError(.wrongType) }
        switch json["x402Version"] {
        case .number("1"): return try parse(v1: json)
        case nil, .number("2"): return try parse(v2: json)
        default: throw WireError(.badValue)
        }
    }

    private static func parse(v2 json: JSONValue) throws(WireError) -> PaymentRequiredAnswer {
        guard case .array(let entries)? = json["accepts"] else { throw WireError(.missingField) }
        let offers = entries.compactMap { try? PaymentRequirements.parse(v2: $0) }
        guard !offers.isEmpty else { throw WireError(.noOffers) }
        var resource: Resource?
        if let described = json["resource"], let url = described["url"]?.string {
            resource = Resource(
                url: url, description: described["description"]?.string ?? "",
                mimeType: described["mimeType"]?.string ?? "")
        }
        return PaymentRequiredAnswer(form: .v2, error: json["error"]?.string, resource: resource, offers: offers)
    }

    private static func parse(v1 json: JSONValue) throws(WireError) -> PaymentRequiredAnswer {
        guard case .array(let entries)? = json["accepts"] else { throw WireError(.missingField) }
        let offers = entries.compactMap { try? PaymentRequirements.parse(v1: $0) }
        guard let first = offers.first else { throw WireError(.noOffers) }
        return PaymentRequiredAnswer(
            form: .v1, error: json["error"]?.string, resource: first.resource, offers: offers.map(\.requirements))
    }

    private static func parse(plain header: String) throws(WireError) -> PaymentRequiredAnswer {
        let members = try StructuredDictionary.parse(header)
        func text(_ key: String) throws(WireError) -> String {
            guard let item = members[key] else { throw WireError(.missingField) }
            guard case .string(let text) = item else { throw WireError(.wrongType) }
            return text
        }
        guard let network = Network(try text("chain")), let amount = UInt256(try text("amount")) else {
            throw WireError(.badValue)
        }
        var expires: UInt64?
        if case .integer(let time)? = members["expires"] { expires = UInt64(exactly: time) }
        let offer = PaymentRequirements(
            network: network, asset: Account(try text("asset")), amount: amount, payTo: Account(try text("recipient")),
            maxTimeoutSeconds: 0)
        return PaymentRequiredAnswer(form: .plain, offers: [offer], expires: expires)
    }
}
