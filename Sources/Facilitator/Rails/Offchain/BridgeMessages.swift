import X402

/// What a bridge is asked: the same for verify and settle.
enum BridgeRequest {
    /// The body, with the *inner* scheme payload as `paymentPayload`.
    static func body(payload: JSONValue, requirements: PaymentRequirements) -> [UInt8] {
        JSONValue.object([
            JSONMember("network", .string(requirements.network.name)),
            JSONMember("paymentPayload", payload),
            JSONMember("paymentRequirements", requirements.v2JSON),
        ]).encoded()
    }
}

/// A bridge's answer to verify: `{valid, payer, reason}`.
enum BridgeVerifyAnswer: Hashable {
    case valid(payer: String)
    case invalid(ReasonCode, payer: String?)

    /// Reads an answer that can be believed; a valid payment has a payer.
    init(_ body: [UInt8]) throws(AnswerFields.Unreadable) {
        let fields = try AnswerFields(body)
        let payer = try fields.text("payer")
        let reason = try fields.text("reason")
        if try fields.flag("valid") {
            guard let payer else { throw AnswerFields.Unreadable() }
            self = .valid(payer: payer)
        } else {
            self = .invalid(ReasonCode(peer: reason, else: .invalidPayload), payer: payer)
        }
    }
}

/// A bridge's answer to settle: `{success, payer, transaction, reason}`.
enum BridgeSettleAnswer: Hashable {
    case settled(transaction: String, payer: String?)
    case refused(ReasonCode)
    /// Refused for now with `settlement_pending`: the value may have moved.
    case pending(transaction: String?)

    /// Reads an answer that can be believed; a settled payment has a transaction.
    init(_ body: [UInt8]) throws(AnswerFields.Unreadable) {
        let fields = try AnswerFields(body)
        let payer = try fields.text("payer")
        let transaction = try fields.text("transaction")
        let reason = ReasonCode(peer: try fields.text("reason"), else: .transactionFailed)
        if try fields.flag("success") {
            guard let transaction else { throw AnswerFields.Unreadable() }
            self = .settled(transaction: transaction, payer: payer)
        } else if reason == .settlementPending {
            self = .pending(transaction: transaction)
        } else {
            self = .refused(reason)
        }
    }
}
