package import Primitives

/// The wire form a payment came in, which is the form its receipt goes out in.
package enum PaymentForm: UInt8, Hashable, Sendable {
    /// x402 version 1, `X-PAYMENT`.
    case v1 = 1
    /// x402 version 2, `PAYMENT-SIGNATURE`.
    case v2 = 2
    /// The bare signed authorization in `X-Payment`.
    case plain = 3

    /// The x402 version whose registry entries serve this form: the plain form is served like version 2.
    package var x402Version: Int { self == .v1 ? 1 : 2 }
}

/// A payment as the client presented it, in canonical form; nothing in it is believed yet.
package struct Payment: Hashable, Sendable {
    package var form: PaymentForm
    package var scheme: String
    /// Nil only for the plain form without `chain`.
    package var network: Network?
    /// Asset named by a plain payment; version 2 names it in `accepted`.
    package var asset: Account?
    /// The offer that a version 2 client says it accepted.
    package var accepted: AcceptedOffer?
    package var payload: SchemePayload
    /// The client's own id of what it pays for; version 2 only.
    package var identifier: PresentedIdentifier

    package init(
        form: PaymentForm, scheme: String, network: Network?, asset: Account? = nil, accepted: AcceptedOffer? = nil,
        payload: SchemePayload, identifier: PresentedIdentifier = .none
    ) {
        self.identifier = identifier
        self.form = form
        self.scheme = scheme
        self.network = network
        self.asset = asset
        self.accepted = accepted
        self.payload = payload
    }
}

/// The client's echo of an offer (version 2 `accepted`).
package struct AcceptedOffer: Hashable, Sendable {
    package var asset: Account
    package var amount: UInt256
    package var payTo: Account
    package var maxTimeoutSeconds: Int?
    package var extra: OfferExtra

    package init(asset: Account, amount: UInt256, payTo: Account, maxTimeoutSeconds: Int?, extra: OfferExtra) {
        self.asset = asset
        self.amount = amount
        self.payTo = payTo
        self.maxTimeoutSeconds = maxTimeoutSeconds
        self.extra = extra
    }
}

/// The scheme's signed part.
package enum SchemePayload: Hashable, Sendable {
    /// ERC-3009 `TransferWithAuthorization` with its signature.
    case transfer(SignedTransfer)
    /// Permit2 `PermitWitnessTransferFrom` with its signature; apart, so that it does not make the common case larger.
    indirect case permit(SignedPermit)
    /// Any other payload, handed to its rail as it came: always an object.
    case other(JSONValue)
}

/// An ERC-3009 authorization and the signature over it, as read from the wire.
package struct SignedTransfer: Hashable, Sendable {
    package var from: Address
    package var to: Address
    package var value: UInt256
    package var validAfter: UInt256
    package var validBefore: UInt256
    package var nonce: Bytes32
    package var signature: PaymentSignature

    package init(
        from: Address, to: Address, value: UInt256, validAfter: UInt256, validBefore: UInt256, nonce: Bytes32,
        signature: PaymentSignature
    ) {
        self.from = from
        self.to = to
        self.value = value
        self.validAfter = validAfter
        self.validBefore = validBefore
        self.nonce = nonce
        self.signature = signature
    }
}

/// Signature bytes; the common 65-byte form is kept without an allocation.
package enum PaymentSignature: Hashable, Sendable {
    /// `r ‖ s ‖ v`, `v` as sent.
    case rsv(r: Bytes32, s: Bytes32, v: UInt8)
    /// Any other length: EIP-2098, ERC-1271 and ERC-6492 forms, or nonsense for the verifier to refuse.
    case bytes([UInt8])
}
