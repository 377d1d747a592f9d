import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// What a metered answer is charged.
extension Exchange {
    /// Starts to count what a payment buys on a metered route.
    func startMetering(_ route: PaywallRoute) {
        guard answerMeter == nil, let meter = route.meter, payment != nil else { return }
        answerMeter = AnswerMeter(meter.meter)
    }

    /// Waits for the request's body where usage is asked for in it; false where it goes on as it comes.
    func holdsForUsage() -> Bool {
        guard answerMeter?.mayAskForUsage == true, stream.head.body != .none else { return false }
        if case .length(let length) = stream.head.body, length > UInt64(AnswerMeter.maximumRequestBytes) {
            return false
        }
        usageHold = ByteBuffer()
        stream.acceptBody()
        return true
    }

    /// Takes a piece of the body that is waited for; one that is too long goes on as it is.
    func holdForUsage(_ bytes: ByteBuffer) {
        var bytes = bytes
        usageHold?.writeBuffer(&bytes)
        guard let body = usageHold, body.readableBytes > AnswerMeter.maximumRequestBytes else { return }
        usageHold = nil
        forward(bodyInHand: body)
    }

    /// Whether what is settled is the charge, and not the price.
    var isCharged: Bool {
        guard let payment, let meter = route?.meter, meter.tariff(of: payment.offer) != nil else { return false }
        return RouteMeter.isCharged(payment.offer)
    }

    /// When it is settled; a charge is only known afterwards.
    var timing: SettlementTiming {
        guard let route else { return .before }
        return route.timing == .before && isCharged ? .after : route.timing
    }

    /// Works out the charge of an answer that is over, once.
    func reckon() {
        guard charge == nil, let answerMeter, let payment, let meter = route?.meter,
            let tariff = meter.tariff(of: payment.offer)
        else { return }
        let elapsed = Duration.nanoseconds((loop.deadline() - started).nanoseconds)
        let usage = answerMeter.usage(elapsed: elapsed, tariff: tariff, authorised: payment.offer.amount)
        charge = meter.meter.charge(for: usage, at: tariff.tariff, authorised: payment.offer.amount)
    }

    /// Writes down what an answer was charged; nothing waits for it.
    func post(_ reference: PaymentReference) {
        reckon()
        guard let payment, let charge else { return }
        if charge.amount == .zero { return write(.released(reason: "nothing charged"), of: reference) }
        write(.charged(amount: charge.amount), of: reference)
        switch payment.rail.settlement {
        case .local:
            let transaction = payment.localTransaction(of: reference.identity)
            self.payment?.transaction = transaction
            write(.settled(transaction: transaction, forwardingUntil: nil), of: reference)
            write(.delivered, of: reference)
        case .remote: write(.owed, of: reference)
        }
    }
}
