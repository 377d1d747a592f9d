import EVM
import Primitives
import X402

/// One authorization to sign: all of it is fixed, only the key is missing.
struct PaymentOrder: Hashable {
    var form: PaymentForm
    var offer: PayableOffer
    var authorization: TransferAuthorization

    /// Seconds by which the payer's clock may be ahead of the chain's (the official clients' figure).
    static let clockTolerance: Int64 = 600
    /// The longest time that a signature stays good, whatever the offer asks.
    static let maxValidity: Int64 = 24 * 60 * 60
    /// Used where an offer names no time (the official Python client's figure).
    static let defaultValidity: Int64 = 60 * 60

    init(_ offer: PayableOffer, form: PaymentForm, payer: Address, now: UnixTime, nonce: Bytes32) {
        self.form = form
        self.offer = offer
        let asked = Int64(clamping: offer.requirements.maxTimeoutSeconds)
        let validity = min(asked > 0 ? asked : Self.defaultValidity, Self.maxValidity)
        let end = min(now.seconds + validity, offer.expires?.seconds ?? .max)
        authorization = TransferAuthorization(
            from: payer, to: offer.payTo, value: offer.requirements.amount,
            validAfter: UInt256(UInt64(max(0, now.seconds - Self.clockTolerance))),
            validBefore: UInt256(UInt64(max(0, end))), nonce: nonce)
    }

    /// What the key signs.
    var digest: Bytes32 { authorization.digest(in: offer.domain) }

    func signed(by key: PrivateKey) -> Payment {
        let signature = key.sign(digest: digest)
        let transfer = SignedTransfer(
            from: authorization.from, to: authorization.to, value: authorization.value,
            validAfter: authorization.validAfter, validBefore: authorization.validBefore,
            nonce: authorization.nonce, signature: .rsv(r: signature.r, s: signature.s, v: signature.v))
        let terms = offer.requirements
        let accepted = AcceptedOffer(
            asset: terms.asset, amount: terms.amount, payTo: terms.payTo, maxTimeoutSeconds: terms.maxTimeoutSeconds,
            extra: terms.extra)
        return Payment(
            form: form, scheme: terms.scheme, network: terms.network, asset: form == .plain ? terms.asset : nil,
            accepted: form == .v2 ? accepted : nil, payload: .transfer(transfer))
    }
}
