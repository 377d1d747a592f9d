import Transport
import X402

/// What the answer to a request with a payment says of the payment.
enum PaidAnswer: Hashable {
    /// The answer came; the receipt, where there is one.
    case delivered(Receipt?)
    /// Not known yet: ask again with the same payment, never with another.
    case pending(transaction: String?)
    /// Settled, and the server failed to deliver; the token opens the request again.
    case undelivered(Receipt, grant: String?)
    /// Not taken.
    case refused(reason: String)
    /// An error that says nothing of the payment.
    case failed

    init(_ response: OutgoingResponse) {
        let receipt = Self.receipt(in: response)
        let body = response.status == 402 || response.status == 409 ? try? JSONValue.parse(response.body) : nil
        let reason = receipt?.reason?.rawValue ?? body?["error"]?.string
        let isOpen =
            reason == ReasonCode.settlementPending.rawValue || reason == ReasonCode.paymentInFlight.rawValue
        if response.status == 402 || response.status == 409, isOpen {
            let transaction = receipt?.transaction ?? body?["transaction"]?.string
            self = .pending(transaction: transaction?.isEmpty == false ? transaction : nil)
        } else if response.status == 402 {
            self = .refused(reason: reason ?? Self.challengeError(in: response) ?? "no reason given")
        } else if response.status < 400 {
            self = .delivered(receipt)
        } else if let receipt, receipt.success {
            self = .undelivered(receipt, grant: response.value(of: "payment-grant"))
        } else if let reason = receipt?.reason {
            self = .refused(reason: reason.rawValue)
        } else {
            self = .failed
        }
    }

    /// The receipt under either name, the newer one first; one that cannot be read is none.
    static func receipt(in response: OutgoingResponse) -> Receipt? {
        for name in [WireHeader.paymentResponse, WireHeader.xPaymentResponse] {
            if let header = response.value(of: name), let receipt = try? Receipt.parse(header: header) {
                return receipt
            }
        }
        return nil
    }

    private static func challengeError(in response: OutgoingResponse) -> String? {
        let challenge = response.body.withUnsafeBytes { body in
            try? PaymentRequiredAnswer.parse(
                paymentRequiredHeader: response.value(of: WireHeader.paymentRequired), body: body,
                xPaymentRequired: nil)
        }
        return challenge?.error
    }
}
