import Primitives
import Transport
import X402

/// What `pay` says to its user beside the answer.
struct PayNotes {
    var isSilent: Bool
    var stream = OutputStream.notes

    func say(_ text: String) {
        if !isSilent { stream.line(text) }
    }

    func paying(_ order: PaymentOrder) {
        let terms = order.offer.requirements
        say(
            "paying \(AmountText.offer(terms.amount, asset: terms.asset, network: terms.network)) on \(terms.network)"
                + " to \(terms.payTo) (\(order.form.word))")
    }

    func refused(_ refused: [PayerPolicy.Refused], limit: SpendingLimit) {
        say("nothing was signed; no offer keeps to the rules (--max \(limit)):")
        for entry in refused {
            let offer = entry.offer
            say(
                "  \(AmountText.offer(offer.amount, asset: offer.asset, network: offer.network)) on \(offer.network)"
                    + " to \(offer.payTo.description.shown()): \(entry.refusal.reason)")
        }
    }

    func answered(_ answer: PaidAnswer, status: Int) {
        switch answer {
        case .delivered(let receipt):
            receipt.map(told) ?? say("no receipt came with the answer")
        case .pending(let transaction):
            say("the settlement is pending" + (transaction.map { " (\($0.shown()))" } ?? ""))
        case .undelivered(let receipt, _):
            told(receipt)
            say("the server failed to deliver (status \(status))")
        case .refused(let reason):
            say("the payment was not taken: \(reason.shown())")
        case .failed:
            say("the server failed (status \(status)) and says nothing of the payment")
        }
    }

    private func told(_ receipt: Receipt) {
        if receipt.success {
            say("settled: transaction \(receipt.transaction.isEmpty ? "queued" : receipt.transaction.shown())")
        } else {
            say("the receipt says: not settled, \(receipt.reason?.rawValue.shown() ?? "no reason given")")
        }
    }

    /// How to go on without paying twice.
    func resend(_ payment: PaymentField, grant: String?) {
        say("to ask again with the same payment, add to the same command:")
        say("  --payment \(payment.value)" + (grant.map { " --grant \($0.shown())" } ?? ""))
    }

    func failed(_ error: TransportError) { say("farebox pay: \(error.description.shown())") }
}
