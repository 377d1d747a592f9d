import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// A route in shadow mode: its requests are priced and recorded, and none is asked for anything.
extension Exchange {
    /// Notes the price of a request; it is then served as on a free route.
    func shadow(_ sheet: OfferSheet, on route: PaywallRoute) {
        shadow = judged(sheet, sold: route.credit?.sale ?? sheet)
        guard shadow?.outcome == .unpaid, let tier = route.freeTier, let subject = freeSubject(of: tier) else {
            return admitFree(route)
        }
        claimFree(tier, of: subject, on: route) { exchange, isGranted in
            if isGranted { exchange.shadow?.outcome = .free }
            exchange.admitFree(route)
        }
    }

    /// Notes a request whose price cannot be told, and serves it.
    func shadowUnpriced(on route: PaywallRoute, as answer: Answer) {
        shadow = ShadowNote(outcome: .unpriced, reason: ReasonCode(rawValue: answer.code.description))
        admitFree(route)
    }

    /// What would be said of the payment that came along, as far as it can be told without asking rail or ledger.
    ///
    /// `sold` is what payments are for: a bundle, or the request.
    private func judged(_ sheet: OfferSheet, sold: OfferSheet) -> ShadowNote {
        var note = ShadowNote(outcome: .unpaid, offer: sheet.offers[0])
        switch readPayment() {
        case .none: return note
        case .undecodable(let reason): note.reason = reason
        case .conflicting: note.reason = ReasonCode(rawValue: "conflicting_payments")
        case .payment(let payment):
            switch payment.match(sold.offers) {
            case .ambiguous: note.reason = .ambiguousOffer
            case .none(let reason): note.reason = reason
            case .offer(let index):
                if sold === sheet { note.offer = sheet.offers[index] }
                note.reason = refusal(of: payment, for: index, of: sold)
            }
        }
        note.outcome = note.reason == nil ? .paid : .refused
        return note
    }

    private func refusal(of payment: Payment, for index: Int, of sheet: OfferSheet) -> ReasonCode? {
        guard let rail = sheet.rail(of: index, form: payment.form) else { return .unsupportedScheme }
        switch rail.verifyLocally(payment, for: sheet.offers[index], now: loop.now(), keys: &loop.keys) {
        case .decided(.invalid(let reason, _)): return reason
        case .decided(.valid), .needsNetwork: return nil
        }
    }

    /// Notes whether an answer would be charged for; whether it counts as delivered so far.
    func shadowHead(_ head: ResponseHead, elapsed: Duration) -> Bool {
        guard let route else { return true }
        if GRPCAnswer.isAsked(by: stream.head), GRPCAnswer.hasFailed(head) { return false }
        switch route.chargeOn.judge(head, elapsed: elapsed) {
        case .fails: return false
        case .delivers: shadow?.isCharged = true
        case .needs(let bytes):
            shadow?.isCharged = true
            shadow?.leastBytes = bytes
        }
        return true
    }

    /// Counts the request; once, at its end.
    func recordShadow() {
        guard let shadow, let route else { return }
        let count = shadow.count(bytes: bytesOut, price: shadowPrice)
        let key = ShadowKey(
            day: loop.now().seconds / 86_400, route: route.name, client: shadowClient(of: route),
            outcome: shadow.outcome,
            currency: shadow.offer.map { Currency(network: $0.network, asset: $0.asset) })
        loop.countShadow(key, count)
    }

    /// The price, or what was counted where that is what would be charged.
    private var shadowPrice: UInt256 {
        guard let offer = shadow?.offer else { return .zero }
        let isCounted = route?.credit?.offer.isBalance == true || RouteMeter.isCharged(offer)
        return isCounted ? charge?.amount ?? offer.amount : offer.amount
    }

    /// Whom the request is counted for: as the route's free tier tells clients apart, or by the address's network.
    ///
    /// The value of a field may be a key, and is never written down: a keyed hash of it is.
    private func shadowClient(of route: PaywallRoute) -> String {
        if let tier = route.freeTier, case .field(let name) = tier.subject {
            guard let subject = freeSubject(of: tier) else { return "no \(name)" }
            let hash = Keccak256.hash(loop.shared.addressKey.bytes + "client\u{0}\(name)\u{0}".utf8 + subject)
            return "\(name) \(hash.description.dropFirst(2).prefix(12))"
        }
        guard let address = client.address else { return "unknown" }
        loop.scratch.clear()
        address.network(ipv6Prefix: generation.limits.clientPrefix).write(to: &loop.scratch)
        let text = String(buffer: loop.scratch)
        return address.isIPv4 ? text : "\(text)/\(generation.limits.clientPrefix)"
    }
}
