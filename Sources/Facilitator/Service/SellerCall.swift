import Ledger
import Primitives
import X402

/// Who asks `/settle`, and which of its calls this is.
package struct SellerCall: Hashable, Sendable {
    /// The id of the caller's API key; without keys everybody is `anonymous`.
    package var keyID: String
    /// The caller's own name for the call, by which it may ask for its result again.
    package var idempotencyKey: String?

    /// The caller of a listener without keys.
    package static let anonymousID = "anonymous"

    package init(keyID: String = anonymousID, idempotencyKey: String? = nil) {
        self.keyID = keyID
        self.idempotencyKey = idempotencyKey
    }

    /// The call under the payer's id of it, where the caller gave it no name of its own.
    func named(by identifier: PresentedIdentifier) -> SellerCall {
        guard idempotencyKey == nil, case .id(let id) = identifier else { return self }
        return SellerCall(keyID: keyID, idempotencyKey: "payment-identifier:\(id)")
    }

    /// The owner of the claim: the key's id, and SHA-256 over the idempotency key and the signed part.
    ///
    /// So a later call is the same call only if it brings the same of both: the nonce alone, which everybody sees on chain, is
    /// not enough.
    func owner(of payload: SchemePayload) -> ClaimOwner {
        var text = Array((idempotencyKey ?? "").utf8) + [0]
        switch payload {
        case .transfer(let transfer):
            text += transfer.to.withBytes { [UInt8]($0) } + transfer.value.bigEndianBytes
            text += transfer.validAfter.bigEndianBytes + transfer.validBefore.bigEndianBytes + transfer.nonce.bytes
            switch transfer.signature {
            case .rsv(let r, let s, let v): text += r.bytes + s.bytes + [v]
            case .bytes(let bytes): text += bytes
            }
        case .permit(let permit): text += permit.json.encoded()
        case .other(let value): text += value.encoded()
        }
        return .seller(SellerBinding(seller: keyID, call: SHA256.hash(text)))
    }
}
