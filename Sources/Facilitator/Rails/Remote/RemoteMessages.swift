import Ledger
import Primitives
import X402

/// What another facilitator is asked: the same for verify and settle.
enum RemoteRequest {
    /// The body in the payment's own version; the plain form is asked about in version 2.
    static func body(payment: Payment, requirements: PaymentRequirements) -> [UInt8] {
        var payment = payment
        if payment.form == .plain { payment.form = .v2 }
        if payment.form == .v2 {
            // Our offer in the place of the client's echo, which was matched to it before.
            payment.network = requirements.network
            payment.accepted = AcceptedOffer(
                asset: requirements.asset, amount: requirements.amount, payTo: requirements.payTo,
                maxTimeoutSeconds: requirements.maxTimeoutSeconds, extra: requirements.extra)
        }
        return FacilitatorRequest(
            x402Version: payment.form.x402Version, payment: payment, requirements: requirements, resource: resource
        ).encoded()
    }

    /// What version 1 says is sold: strict readers want an absolute URL, and a rail does not know the buyer's (RFC 6761 §6.4).
    private static let resource = Resource(url: "https://resource.invalid/")
}

/// What the other side says of a payment.
enum RemoteVerdict: Hashable {
    case valid
    case invalid(ReasonCode)

    /// Nil when the answer is no verdict that can be believed.
    ///
    /// A refusal counts with status 400, 402, 412 and 422 too, as some facilitators send it; a complaint about our request
    /// is no verdict. A valid payment's payer, where named, is the one who signed.
    init?(verify body: [UInt8], status: Int, payer: Address) {
        let read = body.withUnsafeBytes { bytes in
            Result { () throws(WireError) in try VerifyAnswer.parse(bytes) }
        }
        guard case .success(let answer) = read else { return nil }
        if answer.isValid {
            guard status == 200 else { return nil }
            if let named = answer.payer, Address(named) != payer { return nil }
            self = .valid
        } else {
            guard status == 200 || Self.carriesVerdicts(status) else { return nil }
            let reason = ReasonCode(peer: answer.invalidReason?.rawValue, else: .invalidPayload)
            if reason.isComplaint { return nil }
            self = .invalid(reason)
        }
    }

    static func carriesVerdicts(_ status: Int) -> Bool { [400, 402, 412, 422].contains(status) }
}

/// What the other side says of a settlement.
enum RemoteSettlement: Hashable {
    case verdict(SettleOutcome)
    /// The request was turned down as a request.
    case notActed
    /// The value may have moved; the transaction where one is named.
    case unbelievable(transaction: String?)

    /// Whether the answer was one of the protocol's.
    var isBelieved: Bool {
        switch self {
        case .verdict, .notActed: true
        case .unbelievable: false
        }
    }

    /// Reads an answer to settle.
    ///
    /// A success names the network that was asked for and a transaction. `settlement_pending`, and failures that the other
    /// side itself does not understand, leave the fate open.
    static func outcome(of body: [UInt8], status: Int, order: SettleOrder) -> RemoteSettlement {
        let read = body.withUnsafeBytes { bytes in
            Result { () throws(WireError) in try Receipt.parse(json: bytes) }
        }
        guard case .success(let receipt) = read, status == 200 || RemoteVerdict.carriesVerdicts(status) else {
            return PeerClient.neverActs(status) ? .notActed : .unbelievable(transaction: nil)
        }
        let transaction = receipt.transaction.isEmpty ? nil : receipt.transaction
        guard AnswerFields.isPlain(receipt.transaction) else { return .unbelievable(transaction: nil) }
        if receipt.success {
            guard status == 200, receipt.network == order.requirements.network, let transaction else {
                return .unbelievable(transaction: transaction)
            }
            if let payer = receipt.payer, Account(payer) != Account(order.payer) {
                return .unbelievable(transaction: transaction)
            }
            return .verdict(.settled(transaction: transaction, payer: order.payer))
        }
        let reason = ReasonCode(peer: receipt.reason?.rawValue, else: .transactionFailed)
        if reason.isComplaint { return .notActed }
        switch reason {
        case .settlementPending, .unexpectedSettleError: return .verdict(.unknown(transaction: transaction))
        default: return .verdict(.refused(reason, message: nil))
        }
    }
}

extension ReasonCode {
    /// Whether the reason is about our request and not about the payment.
    var isComplaint: Bool { self == .invalidJSON || self == .missingParameters || self == .invalidVersion }
}
