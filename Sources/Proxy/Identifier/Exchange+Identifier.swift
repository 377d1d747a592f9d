import Ledger
import NIOCore
import Primitives
import Transport
import X402

/// Clients' own ids of what they pay for (extension `payment-identifier`).
extension Exchange {
    /// Why the payment is not looked at for want of a good id; nil where it is.
    func refusal(ofIdentifier payment: Payment, on route: PaywallRoute) -> Answer? {
        guard let policy = route.identifiers else { return nil }
        return switch payment.identifier {
        case .none: policy.isRequired ? .identifierRequired : nil
        case .malformed: .identifierInvalid
        case .id: nil
        }
    }

    /// The id of a verified payment: its payer's, and bound to what is paid for and to the request.
    func identifierClaim(
        _ payment: PaymentContext, payer: String, on route: PaywallRoute, now: UnixTime
    ) -> IdentifierClaim? {
        guard let policy = route.identifiers, case .id(let id) = payment.payment.identifier else { return nil }
        let offer = payment.offer
        let parts = [
            methodName, offer.scheme, offer.network.name, offer.asset.description, offer.amount.description,
            offer.payTo.description,
        ]
        let key = SHA256.hash("payment-identifier\u{0}paywall\u{0}\(payer)\u{0}\(id)")
        // None of the parts has a zero byte in it.
        let text = [UInt8](parts.joined(separator: "\u{0}").utf8) + [0] + targetDigest.bytes
        identifierKey = key
        return IdentifierClaim(
            key: key, fingerprint: SHA256.hash(text), expiresAt: now.adding(seconds: policy.seconds))
    }

    /// The upstream will run for the id: what it answers is kept.
    func startKeeping(of route: PaywallRoute?) {
        guard let identifierKey, let policy = route?.identifiers else { return }
        answerKeeper = AnswerKeeper(identifierKey, limit: policy.maxAnswerBytes)
    }

    /// Keeps the answer that went out whole; before its last bytes go, so that it is known when the client has them.
    func keepAnswer(trailers: ByteBuffer?) {
        guard let keeper = answerKeeper.take(), trailers == nil, tunnel == nil, let payment,
            let identity = payment.reference?.identity
        else { return }
        if let print = bodyPrinter?.takePrint() { shownPrint = print }
        guard let print = shownPrint,
            let answer = keeper.take(answering: print, hasNoBody: stream.head.method == .head || status == 304)
        else { return }
        loop.shared.ledger.keep(answer, under: keeper.identifier, of: identity)
    }

    /// The answer that the id got before, byte for byte; nothing is charged for it.
    func answerAgain() {
        guard let answer = keptAnswer else { return unreachable("kept answer") }
        if isAbandoned { return log() }
        status = answer.status
        remark = "answered again"
        let length = answer.length.map(ResponseBody.length) ?? .none
        stream.writeHead(ByteBuffer(bytes: answer.head), body: length)
        if !answer.body.isEmpty {
            bytesOut = UInt64(answer.body.count)
            stream.writeBody(ByteBuffer(bytes: answer.body))
        }
        log()
        stream.end(trailers: nil)
    }

    /// Refuses a claim for its id, without offers: the client must not sign another payment.
    func refuse(_ refusal: IdentifierRefusal) {
        switch refusal {
        case .conflict: answerWithoutOffers(.conflict, .identifierConflict)
        case .answered: answerWithoutOffers(.conflict, .identifierAnswered)
        case .full: answer(.ledgerUnavailable(LedgerError(.full, "as many ids are remembered as may be")))
        }
    }
}
