import Primitives

/// A refusal without offers, for payments whose fate is open: whoever gets it must not sign another.
///
/// `settlement_pending` is 402, a payment in flight elsewhere 409.
package struct NoOfferAnswer: Hashable, Sendable {
    /// The two statuses such a refusal can have.
    package enum Status: Int, Hashable, Sendable {
        case paymentRequired = 402
        case conflict = 409
    }

    package var status: Status
    package var reason: ReasonCode
    /// Transaction on the rail, empty where none is known.
    package var transaction: String
    /// Seconds after which asking again can help.
    package var retryAfterSeconds: Int
    /// A failed receipt to send along.
    package var receipt: Receipt?
    /// The form the payment came in, for the receipt.
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

    /// The status line and fields, without framing fields and the empty line.
    package func head() -> [UInt8] {
        let phrase =
            switch status {
            case .paymentRequired: "Payment Required"
            case .conflict: "Conflict"
            }
        let fields = [
            "HTTP/1.1 \(status.rawValue) \(phrase)", "content-type: application/json", "cache-control: no-store",
            "retry-after: \(retryAfterSeconds)", "access-control-expose-headers: \(WireHeader.exposed), Retry-After",
            "",
        ]
        return Array(fields.joined(separator: "\r\n").utf8) + (receipt?.headerLine(form: form) ?? [])
    }

    /// The JSON body.
    package func body(requestID: String) -> [UInt8] {
        var members = [JSONMember("error", .string(reason.rawValue))]
        if !transaction.isEmpty { members.append(JSONMember("transaction", .string(transaction))) }
        if !requestID.isEmpty { members.append(JSONMember("requestId", .string(requestID))) }
        return JSONValue.object(members).encoded()
    }
}
