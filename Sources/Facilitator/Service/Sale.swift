import Ledger
import Primitives
import X402

/// One call of `/settle`, and the answers to it.
struct Sale: Sendable {
    let payment: Payment
    /// The terms that the payer agreed to.
    let requirements: PaymentRequirements
    /// What moves of their amount.
    let charge: UInt256
    let seller: SellerCall
    let owner: ClaimOwner

    init(_ request: FacilitatorRequest, charge: UInt256, seller: SellerCall) {
        self.charge = charge
        payment = request.payment
        requirements = request.requirements
        self.seller = seller
        owner = seller.owner(of: request.payment.payload)
    }

    /// Whether this call, made before, is what the record stems from: same seller, same payment, same terms.
    func made(_ record: PaymentRecord) -> Bool {
        let claim = record.claim
        return claim.owner == owner && claim.scheme == requirements.scheme && claim.network == requirements.network
            && claim.asset == requirements.asset && claim.amount == charge
            && claim.payTo == requirements.payTo
    }

    func claim(_ verified: VerifiedPayment, rail: any Rail) -> Claim {
        var settlement: [UInt8]?
        if rail.settlement == .remote {
            settlement = SettlementBlob(payment: payment, requirements: requirements).encoded()
        }
        return Claim(
            identity: verified.identity, owner: owner, adapter: rail.id, form: payment.form, timing: .before,
            scheme: requirements.scheme, network: requirements.network, asset: requirements.asset,
            amount: charge == .zero ? requirements.amount : charge, payTo: requirements.payTo, payer: verified.payer,
            validBefore: verified.validBefore, settlement: settlement)
    }

    /// The payer's own id of what is paid, which this call alone may use from now on.
    func identifier(of payer: String, now: UnixTime) -> IdentifierClaim? {
        guard case .id(let id) = payment.identifier, case .seller(let binding) = owner else { return nil }
        return IdentifierClaim(
            key: SHA256.hash("payment-identifier\u{0}seller\u{0}\(seller.keyID)\u{0}\(payer)\u{0}\(id)"),
            fingerprint: SHA256.hash(binding.call.bytes + charge.bigEndianBytes),
            expiresAt: now.adding(seconds: Self.identifierSeconds))
    }

    /// How long an id is remembered.
    private static let identifierSeconds: Int64 = 86_400

    func success(transaction: String, payer: String) -> Receipt {
        Receipt(
            success: true, transaction: transaction, network: requirements.network, payer: payer,
            amount: requirements.scheme == "upto" ? charge : nil)
    }

    func failure(_ reason: ReasonCode, message: String? = nil, payer: String? = nil) -> Receipt {
        Receipt(
            success: false, transaction: "", network: requirements.network, payer: payer, reason: reason,
            message: message)
    }

    func pending(transaction: String?, payer: String?) -> Receipt {
        Receipt(
            success: false, transaction: transaction ?? "", network: requirements.network, payer: payer,
            reason: .settlementPending)
    }

    /// How a settled payment is refused a second time.
    var usedReason: ReasonCode { requirements.network.chainID == nil ? .duplicateSettlement : .nonceAlreadyUsed }
}
