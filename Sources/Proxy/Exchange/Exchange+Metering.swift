import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// What a metered answer is charged.
extension Exchange {
    /// Starts to count what is paid for on a metered route.
    func startMetering(_ route: PaywallRoute) {
        guard answerMeter == nil, let meter = route.meter,
            payment != nil || balanceDraw != nil || isFreeByTokens || shadow?.offer != nil
        else { return }
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
        guard let payment, let route, let meter = route.meter, meter.tariff(of: payment.offer) != nil else {
            return false
        }
        // A bundle is sold whole; what is used is charged to its balance.
        return route.credit?.offer.isBalance != true && RouteMeter.isCharged(payment.offer)
    }

    /// Whether the request is served on tokens that are free.
    private var isFreeByTokens: Bool {
        guard case .free(let tier, _, _)? = standing?.kind else { return false }
        return tier.unit == .tokens
    }

    /// What the request holds of a balance; nil where it has another standing.
    var balanceDraw: DrawReference? {
        guard route?.credit?.offer.isBalance == true, case .credit(let draw, _)? = standing?.kind else { return nil }
        return draw
    }

    /// The rates by which the answer is charged, and what it may come to; nil where nothing is counted.
    private var chargeTerms: (tariff: RouteMeter.AssetTariff, authorised: UInt256)? {
        guard let meter = route?.meter else { return nil }
        if let draw = balanceDraw { return meter.tariff(in: draw.currency).map { ($0, draw.amount) } }
        guard let offer = payment?.offer ?? shadow?.offer else { return nil }
        return meter.tariff(of: offer).map { ($0, offer.amount) }
    }

    /// When it is settled; a charge is only known afterwards.
    var timing: SettlementTiming {
        guard let route else { return .before }
        return route.timing == .before && isCharged ? .after : route.timing
    }

    /// Works out the charge of an answer that is over, once.
    func reckon() {
        guard charge == nil, let answerMeter, let meter = route?.meter, let terms = chargeTerms else { return }
        var usage = usage(counted: answerMeter)
        if let announced = answerMeter.announced {
            usage.announced = announced.amount(of: terms.authorised, in: terms.tariff.asset)
        }
        charge = meter.meter.charge(for: usage, at: terms.tariff.tariff, authorised: terms.authorised)
    }

    private func usage(counted answerMeter: AnswerMeter) -> AnswerUsage {
        let elapsed = Duration.nanoseconds((loop.deadline() - started).nanoseconds)
        var usage = answerMeter.usage(elapsed: elapsed)
        // Of what is held nothing went out.
        if let smallAnswer, !smallAnswer.isWhole { usage.isDelivered = false }
        return usage
    }

    /// The tokens that an answer used of what is free; all that were drawn where nobody can tell.
    func tokensUsed(of drawn: UInt64) -> UInt64 {
        guard let answerMeter, let meter = route?.meter?.meter else { return drawn }
        return meter.tokens(in: usage(counted: answerMeter)) ?? drawn
    }

    /// Writes down what an answer was charged; nothing waits for it.
    func post(_ reference: PaymentReference) {
        reckon()
        guard let payment, let charge else { return }
        if charge.amount == .zero { return write(.released(reason: "nothing charged"), of: reference) }
        write(.charged(amount: charge.amount), of: reference)
        countVolume(charge.amount)
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
