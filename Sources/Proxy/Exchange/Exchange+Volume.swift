import Facilitator
import Ledger
import Pricing
import Primitives
import Synchronization
import Transport
import X402

/// Prices that depend on what the payer has paid before.
///
/// Who it is tells a sign-in, or a payment that came along: a payment is taken at any price that its payer could have been told, the
/// base price among them, and must then be the payer's. Nobody else is asked less than the base price.
extension Exchange {
    /// Looks for the payer once the base price is known, and for the price of that payer.
    func admitPayer(_ sheet: OfferSheet?, _ quote: RequestQuote, _ route: PaywallRoute) {
        switch quote.payer {
        case .unsought:
            guard let sheet else { return admitFree(route) }
            seekPayer(quote, route, base: sheet)
        case .paying(let payment, let volume, let base):
            quote.payer = .settled
            let paid = paidSheet(payment, volume, quote, sheet)
            admit(route, paid ?? base)
        case .signingIn, .signedIn, .settled:
            guard let sheet else { return admitFree(route) }
            admit(route, sheet)
        }
    }

    private func seekPayer(_ quote: RequestQuote, _ route: PaywallRoute, base: OfferSheet) {
        quote.payer = .settled
        quote.base = base
        let head = stream.head
        if head.has(.paymentSignature) || head.has(.xPayment) {
            guard route.credit == nil || !head.has(.paymentGrant), case .payment(let payment) = readPayment(),
                payment.signedOffer(of: base) == nil, let payer = payment.namedPayer
            else { return admit(route, base) }
            return look(at: payer) { exchange, volume in
                guard let quote = exchange.quote, let route = exchange.route else { return }
                quote.payer = .paying(payment, volume, base: base)
                quote.facts.paid = volume
                exchange.decide(quote, route)
            }
        }
        guard head.has(.signInWithX), !head.has(.paymentGrant), !route.isShadow else { return admit(route, base) }
        quote.payer = .signingIn
        sheet = route.credit?.sale ?? base
        drawSheet = base
        signIn(on: route)
    }

    /// Goes on with the price of a payer who has signed in.
    func price(for payer: String, on route: PaywallRoute) {
        look(at: payer) { exchange, volume in
            guard let quote = exchange.quote else { return }
            quote.payer = .signedIn(payer)
            quote.facts.paid = volume
            exchange.decide(quote, route)
        }
    }

    /// The sheet that a payment of this payer is for: that of now, or one of what it had paid some time before.
    private func paidSheet(
        _ payment: Payment, _ volume: PayerVolume, _ quote: RequestQuote, _ now: OfferSheet?
    ) -> OfferSheet? {
        if let now, payment.signedOffer(of: now) != nil { return now }
        for earlier in quote.tariff.table.volumes(upTo: volume) {
            var facts = quote.facts
            facts.paid = earlier
            guard case .priced(let amount, _) = quote.tariff.table.quote(for: facts),
                let sheet = quote.tariff.sheets[amount].map(bound), payment.signedOffer(of: sheet) != nil
            else { continue }
            return sheet
        }
        return nil
    }

    /// Reads what a payer has paid on this route.
    private func look(at payer: String, then: @escaping @Sendable (Exchange, PayerVolume) -> Void) {
        look(at: payer, quote?.tariff.volume?.units[...] ?? [], .none, then: then)
    }

    private func look(
        at payer: String, _ units: ArraySlice<VolumeCounter.Unit>, _ volume: PayerVolume,
        then: @escaping @Sendable (Exchange, PayerVolume) -> Void
    ) {
        guard let unit = units.first, let route, let counter = quote?.tariff.volume else { return then(self, volume) }
        let home = loop.home(of: self)
        let look = counter.look(unit, route: route.name, payer: payer, key: loop.shared.addressKey)
        loop.shared.ledger.claimAllowance(look, now: loop.now()) { result in
            home.post { exchange in
                if exchange.isAbandoned { return }
                switch result {
                case .failure where route.isShadow: then(exchange, volume)
                case .failure(let error): exchange.answer(.ledgerUnavailable(error))
                case .success(let outcome):
                    var volume = volume
                    switch unit {
                    case .paid: volume.paid = VolumeCounter.used(outcome)
                    case .payments: volume.payments = VolumeCounter.used(outcome)
                    }
                    exchange.look(at: payer, units.dropFirst(), volume, then: then)
                }
            }
        }
    }

    /// Adds the payment to what its payer has paid.
    func countPayment() {
        if let payment { countVolume(payment.offer.amount) }
    }

    /// Adds a charge that is due to what its payer has paid; once for each payment.
    func countVolume(_ charge: UInt256) {
        guard let route, let counter = quote?.tariff.volume, let payment, let payer = payment.verified?.payer else {
            return
        }
        let additions = counter.additions(
            of: charge, in: Currency(network: payment.offer.network, asset: payment.offer.asset), route: route.name,
            payer: payer, key: loop.shared.addressKey)
        let shared = loop.shared
        for claim in additions {
            shared.ledger.claimAllowance(claim, now: loop.now()) { result in
                if case .failure = result { shared.failedTransitions.add(1, ordering: .relaxed) }
            }
        }
    }
}

extension Payment {
    /// Whom the payment says it is from; believed once its signature is checked.
    fileprivate var namedPayer: String? {
        switch payload {
        case .transfer(let transfer): transfer.from.checksummed
        case .permit(let permit): permit.from.checksummed
        case .other: nil
        }
    }
}
