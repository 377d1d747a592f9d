// Signatures to code against while the bodies are being written.

extension JSONValue {
    package static func parse(
        _ text: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()
    ) throws(WireError) -> JSONValue { throw WireError(.syntax) }
    package static func parse(_ text: [UInt8]) throws(WireError) -> JSONValue { throw WireError(.syntax) }
    package func encoded() -> [UInt8] { [] }
}

/// Stub.
package struct PaymentReader {
    package static let maxHeaderBytes = 16 * 1024
    package init() {}
    package mutating func read(_ header: UnsafeRawBufferPointer) -> PaymentReading { .none }
    package mutating func read(
        paymentSignature: UnsafeRawBufferPointer?, xPayment: UnsafeRawBufferPointer?
    ) -> PaymentReading { .none }
}

extension Payment {
    package static func parse(json: UnsafeRawBufferPointer) -> PaymentReading { .none }
    package func match(_ offers: [PaymentRequirements]) -> OfferMatch { .ambiguous }
    package var json: JSONValue { .null }
    package func headerValue() -> String { "" }
}

/// Stub.
package struct ChallengeTemplate: Sendable {
    package init(
        offers: [PaymentRequirements], resourceOrigin: String, description: String = "", mimeType: String = "",
        grantHeader: String? = nil
    ) {}
    package func headBound(targetBytes: Int, errorBytes: Int) -> Int { 0 }
    package func bodyBound(targetBytes: Int, errorBytes: Int, requestIDBytes: Int = 64) -> Int { 0 }
    package func writeHead(
        error: ChallengeError, target: UnsafeRawBufferPointer, expires: UInt64, into: UnsafeMutableRawBufferPointer
    ) -> Int { 0 }
    package func writeBody(
        error: ChallengeError, target: UnsafeRawBufferPointer, requestID: UnsafeRawBufferPointer,
        into: UnsafeMutableRawBufferPointer
    ) -> Int { 0 }
}

extension ChallengeError {
    /// What `headBound` and `bodyBound` take as `errorBytes`.
    package var byteCount: Int { 0 }
}

/// Stub.
package struct NoOfferAnswer: Sendable {
    package enum Status: Int, Sendable { case paymentRequired = 402, conflict = 409 }
    package var status: Status
    package var reason: ReasonCode
    package var transaction: String
    package var retryAfterSeconds: Int
    package var receipt: Receipt?
    package var form: PaymentForm
    package init(
        status: Status, reason: ReasonCode, transaction: String = "", retryAfterSeconds: Int, receipt: Receipt? = nil,
        form: PaymentForm = .v2
    ) {
        self.status = status
        self.reason = reason
        self.transaction = transaction
        self.retryAfterSeconds = retryAfterSeconds
        self.receipt = receipt
        self.form = form
    }
    package func head() -> [UInt8] { [] }
    package func body(requestID: String) -> [UInt8] { [] }
}

extension Receipt {
    /// JSON as in `/settle` answers and receipt headers; `form` decides the network's spelling.
    package func encoded(form: PaymentForm = .v2) -> [UInt8] { [] }
    package func headerLine(form: PaymentForm) -> [UInt8] { [] }
    package func headerLineBound(form: PaymentForm) -> Int { 0 }
    package func writeHeaderLine(form: PaymentForm, into: UnsafeMutableRawBufferPointer) -> Int { 0 }
    package static func parse(header: String) throws(WireError) -> Receipt { throw WireError(.syntax) }
    package static func parse(json: UnsafeRawBufferPointer) throws(WireError) -> Receipt { throw WireError(.syntax) }
}

/// Stub.
package struct FacilitatorRequest: Hashable, Sendable {
    package var x402Version: Int
    package var payment: Payment
    package var requirements: PaymentRequirements
    /// Version 1 requirements carry the resource; version 2 has it beside `accepted`.
    package var resource: Resource?
    package init(
        x402Version: Int, payment: Payment, requirements: PaymentRequirements, resource: Resource? = nil
    ) {
        self.x402Version = x402Version
        self.payment = payment
        self.requirements = requirements
        self.resource = resource
    }
    package static func parse(_ body: UnsafeRawBufferPointer) -> FacilitatorRequestReading { .malformed(.invalidJSON) }
    package func encoded() -> [UInt8] { [] }
}

/// What the body of `/verify` or `/settle` says.
package enum FacilitatorRequestReading: Hashable, Sendable {
    case request(FacilitatorRequest)
    /// Not JSON, or a parameter is missing: 400.
    case malformed(ReasonCode)
    /// A known shape with another `x402Version`, or two that differ: 200, invalid, `invalid_x402_version`.
    case wrongVersion
    /// Both parameters are there and one has bad fields: 200, invalid, with this reason.
    case invalid(ReasonCode)
}

/// The answer of `/verify`.
package struct VerifyAnswer: Hashable, Sendable {
    package var isValid: Bool
    package var invalidReason: ReasonCode?
    package var invalidMessage: String?
    package var payer: String?
    package init(isValid: Bool, invalidReason: ReasonCode? = nil, invalidMessage: String? = nil, payer: String? = nil) {
        self.isValid = isValid
        self.invalidReason = invalidReason
        self.invalidMessage = invalidMessage
        self.payer = payer
    }
    package func encoded() -> [UInt8] { [] }
    package static func parse(_ body: UnsafeRawBufferPointer) throws(WireError) -> VerifyAnswer {
        throw WireError(.syntax)
    }
}

/// The answer of `/settle` is a receipt.
package typealias SettleAnswer = Receipt

/// The answer of `/supported`.
package struct SupportedAnswer: Hashable, Sendable {
    /// One (version, scheme, network); `network` is a v1 name in version 1, CAIP-2 or a pattern in version 2.
    package struct Kind: Hashable, Sendable {
        package var x402Version: Int
        package var scheme: String
        package var network: String
        package var extra: [JSONMember]
        package init(x402Version: Int, scheme: String, network: String, extra: [JSONMember] = []) {
            self.x402Version = x402Version
            self.scheme = scheme
            self.network = network
            self.extra = extra
        }
    }
    /// Who settles on the networks of a pattern such as `eip155:*`.
    package struct Signers: Hashable, Sendable {
        package var pattern: String
        package var signers: [String]
        package init(pattern: String, signers: [String]) {
            self.pattern = pattern
            self.signers = signers
        }
    }
    package var kinds: [Kind]
    package var extensions: [String]
    package var signers: [Signers]
    package init(kinds: [Kind], extensions: [String] = [], signers: [Signers] = []) {
        self.kinds = kinds
        self.extensions = extensions
        self.signers = signers
    }
    package func encoded() -> [UInt8] { [] }
    package static func parse(_ body: UnsafeRawBufferPointer) throws(WireError) -> SupportedAnswer {
        throw WireError(.syntax)
    }
}

extension PaymentRequirements {
    package var v2JSON: JSONValue { .null }
    package func v1JSON(resource: Resource) -> JSONValue? { nil }
    package static func parse(v2: JSONValue) throws(WireError) -> PaymentRequirements { throw WireError(.syntax) }
    package static func parse(v1: JSONValue) throws(WireError) -> (requirements: PaymentRequirements, resource: Resource) {
        throw WireError(.syntax)
    }
    /// Whether an ERC-3009 authorization can pay this offer: exact, EVM, no other transfer method or flow asked.
    package var isPayableByTransfer: Bool { false }
}

/// What a payer reads from a 402.
package struct PaymentRequiredAnswer: Hashable, Sendable {
    /// The form to pay in.
    package var form: PaymentForm
    package var error: String?
    package var resource: Resource?
    /// In the server's order of preference; entries that we cannot read are left out.
    package var offers: [PaymentRequirements]
    /// Unix time of the plain form, nil in the others.
    package var expires: UInt64?
    package var version: Int { form.x402Version }
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
    package static func parse(
        paymentRequiredHeader: String?, body: UnsafeRawBufferPointer, xPaymentRequired: String?
    ) throws(WireError) -> PaymentRequiredAnswer { throw WireError(.syntax) }
}

/// Names of the header fields of x402 and of the plain form.
package enum WireHeader {
    package static let paymentRequired = "PAYMENT-REQUIRED"
    package static let paymentSignature = "PAYMENT-SIGNATURE"
    package static let paymentResponse = "PAYMENT-RESPONSE"
    package static let xPayment = "X-PAYMENT"
    package static let xPaymentResponse = "X-PAYMENT-RESPONSE"
    package static let xPaymentRequired = "X-Payment-Required"
    /// Value of `Access-Control-Expose-Headers` on every answer of a priced route.
    package static let exposed = "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, X-Payment-Required"
}
