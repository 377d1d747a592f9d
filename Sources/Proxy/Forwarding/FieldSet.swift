import Transport

/// A set of special field names, asked once per field.
struct FieldSet: Sendable {
    let bits: UInt64

    init(_ fields: KnownField...) {
        bits = fields.reduce(0) { $0 | (1 &<< UInt64($1.rawValue)) }
    }

    private init(bits: UInt64) { self.bits = bits }

    static let none = FieldSet(bits: 0)

    func union(_ other: FieldSet) -> FieldSet { FieldSet(bits: bits | other.bits) }

    @inline(__always)
    func contains(_ known: KnownField) -> Bool { bits & (1 &<< UInt64(known.rawValue)) != 0 }

    /// Fields that end at this hop (RFC 9110 §7.6.1) or that the next hop writes itself.
    static let hopByHop = FieldSet(
        .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .contentLength, .upgrade, .proxyAuthenticate,
        .proxyAuthorization)

    /// Everything that carries a payment or its result, in either direction.
    static let payment = FieldSet(
        .paymentSignature, .paymentRequired, .paymentResponse, .xPayment, .xPaymentResponse, .xPaymentRequired,
        .paymentGrant, .paymentRetry, .signInWithX, .settlementOverrides, .xFarebox)

    /// What a client may claim about itself only when it is a trusted proxy.
    static let forwardingFacts = FieldSet(
        .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .xRealIP)

    /// Not forwarded upstream: the next hop's own fields, our namespace, and what could change the priced method or path.
    static let withheldFromUpstream = hopByHop.union(payment).union(forwardingFacts)
        .union(FieldSet(.expect, .requestOverride, .imitation))

    /// Not forwarded downstream: an upstream can neither frame our messages nor forge our receipts.
    static let withheldFromDownstream = hopByHop.union(payment)
}
