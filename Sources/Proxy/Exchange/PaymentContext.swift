import Facilitator
import Ledger
import Primitives
import X402

/// What an exchange knows of the payment it was given.
struct PaymentContext {
    var payment: Payment
    var offer: PaymentRequirements
    /// The sheet that the offer stands on.
    var sheet: OfferSheet
    var rail: any Rail
    /// Set once it is verified.
    var verified: VerifiedPayment?
    /// Set once it is claimed.
    var reference: PaymentReference?
    /// Set once it is settled.
    var transaction: String?
    /// Whether the claim was measured against what may be served unpaid.
    var isExposureBounded = false

    /// The settlement of a rail that needs nobody for it.
    func localTransaction(of identity: PaymentIdentity) -> String {
        switch rail.settlement {
        case .local(let prefix): LocalSettlement.transaction(prefix: prefix, identity: identity)
        case .remote: preconditionFailure("a remote rail names its own transactions")
        }
    }

    /// What the client gets to see of the settlement.
    func receipt() -> Receipt {
        Receipt(
            success: true, transaction: transaction ?? "", network: offer.network,
            payer: verified?.payer, amount: charged)
    }

    /// What was settled, where that can be less than the offer says.
    private var charged: UInt256? { offer.scheme == "upto" ? offer.amount : nil }

    /// What the client gets to see of a payment that is served and will be settled later.
    func queuedReceipt(_ identity: PaymentIdentity) -> Receipt {
        Receipt(
            success: true, transaction: transaction ?? "", network: offer.network, payer: verified?.payer,
            extra: [
                JSONMember("settlement", .string("queued")), JSONMember("payment", .string(identity.publicID)),
            ])
    }

    /// What the client gets to see of a charge that is known before it is settled.
    func chargedReceipt(_ identity: PaymentIdentity, _ charge: UInt256) -> Receipt {
        // What was settled here, or costs nothing, waits for nothing.
        var receipt = transaction != nil || charge == .zero ? receipt() : queuedReceipt(identity)
        receipt.amount = charge
        return receipt
    }

    func failedReceipt(_ reason: ReasonCode, transaction: String = "") -> Receipt {
        Receipt(
            success: false, transaction: transaction, network: offer.network, payer: verified?.payer, reason: reason)
    }
}
