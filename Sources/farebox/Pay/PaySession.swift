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
    /// Waits before asking again; ends early when the task is cancelled.
    var sleep: @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }

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
        var patience = PayPatience(patience: patience, retries: retries, grant: grant)
        while true {
            let response: OutgoingResponse
            do throws(TransportError) {
                response = try await client.send(
                    request.message(timeout: timeout, payment: payment, grant: patience.grant))
            } catch {
                return unanswered(payment, error, grant: patience.grant)
            }
            let answer = PaidAnswer(response)
            let step = patience.judge(
                answer, retryAfterSeconds: response.value(of: "retry-after").flatMap { Int($0) })
            notes.answered(answer, status: response.status)
            switch step {
            case .ask(let pause):
                notes.say("asking again with the same payment")
                await sleep(pause)
            case .end(let status):
                if status != .success, status != .paymentNotAccepted { notes.resend(payment, grant: patience.grant) }
                return PayReport(status: status, response: response, payment: payment, answer: answer)
            }
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
}
