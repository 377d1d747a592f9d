import EVM
import Primitives
import Transport
import X402

/// One call of `pay`: asks, judges the price, signs once, and asks again until the fate of that payment is known.
struct PaySession {
    let client: OutgoingClient
    let request: PayRequest
    let policy: PayerPolicy
    let notes: PayNotes
    /// The form to pay in; nil for the server's best.
    var form: PaymentForm?
    /// The time of one exchange.
    var timeout: Duration = .seconds(60)
    /// How long to go on asking about a payment whose fate is open.
    var patience: Duration = .seconds(30)
    /// How often to ask again for what was paid and not delivered.
    var retries = 0
    var grant: String?
    let now: @Sendable () -> UnixTime

    /// Pauses between questions where the server names none, and the longest pause that it may name.
    private static let standardPause = 2
    private static let longestPause = 30

    /// What to do about the answer to the first request.
    enum FirstStep {
        /// No payment is asked, or none can be made.
        case report(PayReport)
        case pay(PaymentOrder, OfferEcho)
    }

    /// Asks without a payment and judges what is offered.
    func ask(payer: Address, nonce: Bytes32) async -> FirstStep {
        let response: OutgoingResponse
        do throws(TransportError) {
            response = try await client.send(request.message(timeout: timeout))
        } catch {
            notes.failed(error)
            return .report(PayReport(status: .unreachable))
        }
        guard response.status == 402 else {
            return .report(PayReport(status: response.status < 400 ? .success : .failure, response: response))
        }
        guard let challenge = challenge(in: response) else {
            notes.say("the server wants a payment, but its 402 has no offer that can be read")
            return .report(PayReport(status: .refusedByPolicy, response: response))
        }
        switch policy.choose(among: challenge, now: now()) {
        case .nothing(let refused):
            notes.refused(refused, limit: policy.limit)
            return .report(PayReport(status: .refusedByPolicy))
        case .pay(let offer):
            let order = PaymentOrder(offer, form: challenge.form, payer: payer, now: now(), nonce: nonce)
            return .pay(order, OfferEcho(paymentRequired: response.value(of: WireHeader.paymentRequired)))
        }
    }

    /// Sends a payment until it is known what became of it.
    func send(_ payment: PaymentField) async -> PayReport {
        var grant = grant
        var retriesLeft = retries
        let start = ContinuousClock.now
        while true {
            let response: OutgoingResponse
            do throws(TransportError) {
                response = try await client.send(request.message(timeout: timeout, payment: payment, grant: grant))
            } catch {
                return unanswered(payment, error, grant: grant)
            }
            let answer = PaidAnswer(response)
            var report = PayReport(status: .success, response: response, payment: payment, answer: answer)
            switch answer {
            case .delivered(let receipt):
                notes.delivered(receipt)
                return report
            case .pending(let transaction, let retryAfter):
                let pause = Self.pause(retryAfter)
                if ContinuousClock.now - start + pause <= patience {
                    notes.say(
                        "the settlement is pending" + (transaction.map { " (\($0.shown()))" } ?? "") + ", asking again")
                    try? await Task.sleep(for: pause)
                    continue
                }
                notes.say("the settlement is still pending; no second payment was signed")
                notes.resend(payment, grant: grant)
                report.status = .fateUnknown
            case .undelivered(let receipt, let token):
                grant = token ?? grant
                if retriesLeft > 0 {
                    retriesLeft -= 1
                    notes.say("paid and not delivered (status \(response.status)), asking again")
                    try? await Task.sleep(for: Self.pause(response.value(of: "retry-after").flatMap(Int.init)))
                    continue
                }
                notes.delivered(receipt)
                notes.say("the server failed to deliver (status \(response.status))")
                notes.resend(payment, grant: grant)
                report.status = .undelivered
            case .refused(let reason):
                notes.say("the payment was not taken: \(reason.shown())")
                report.status = .paymentNotAccepted
            case .failed:
                notes.say("the server failed (status \(response.status)) and says nothing of the payment")
                notes.resend(payment, grant: grant)
                report.status = .failure
            }
            return report
        }
    }

    private func unanswered(_ payment: PaymentField, _ error: TransportError, grant: String?) -> PayReport {
        notes.failed(error)
        guard error.mayHaveBeenSent else { return PayReport(status: .unreachable, payment: payment) }
        notes.say("the payment may have been taken")
        notes.resend(payment, grant: grant)
        return PayReport(status: .fateUnknown, payment: payment)
    }

    /// Reads the 402, in the wanted form only where one is wanted.
    private func challenge(in response: OutgoingResponse) -> PaymentRequiredAnswer? {
        let plain = response.value(of: WireHeader.xPaymentRequired)
        let header = form == nil || form == .v2 ? response.value(of: WireHeader.paymentRequired) : nil
        let body = form == nil || form == .v1 ? response.body : []
        let challenge = body.withUnsafeBytes { body in
            try? PaymentRequiredAnswer.parse(
                paymentRequiredHeader: header, body: body,
                xPaymentRequired: form == nil || form == .plain ? plain : nil)
        }
        guard form == nil || challenge?.form == form else { return nil }
        return challenge
    }

    private static func pause(_ retryAfter: Int?) -> Duration {
        .seconds(min(max(retryAfter ?? standardPause, 1), longestPause))
    }
}
