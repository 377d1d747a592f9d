import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Synchronization
import Transport
import X402

/// What a request may be served on without a payment of its own: a credit, or what is free.
extension Exchange {
    /// Lets a request in that costs what the sheet says.
    ///
    /// Looked at in this order: a credit that is presented, a payment that came along, what is free.
    func admit(_ route: PaywallRoute, _ priced: OfferSheet) {
        if waitsForBounds(route, priced) { return }
        admitAsked(route, lowered(priced, on: route))
    }

    /// The same once it is known what the request may cost at most.
    func admitAsked(_ route: PaywallRoute, _ priced: OfferSheet) {
        if route.isShadow { return shadow(priced, on: route) }
        sheet = route.credit?.sale ?? priced
        guard route.credit != nil else { return admitFreeOrPriced(route) }
        drawSheet = priced
        if stream.head.has(.paymentGrant), let token = presentedToken {
            draw(.token(SHA256.hash(token), payment: nil), on: route)
        } else if case .signedIn(let payer)? = quote?.payer {
            draw(.payer(payer), on: route)
        } else if stream.head.has(.signInWithX) {
            signIn(on: route)
        } else {
            admitFreeOrPriced(route)
        }
    }

    /// Serves the request on what is free where it brings no payment and something is left, else asks for a payment.
    func admitFreeOrPriced(_ route: PaywallRoute) {
        guard let sheet else { return }
        let head = stream.head
        guard let tier = route.freeTier, !head.has(.paymentSignature), !head.has(.xPayment),
            let subject = freeSubject(of: tier)
        else { return admitPriced(route, sheet) }
        claimFree(tier, of: subject, on: route) { exchange, isGranted in
            isGranted ? exchange.admitFree(route) : exchange.admitPriced(route, sheet)
        }
    }

    /// Whether a verified payment is looked at again once the ledger has said whether its payer has something for free.
    func isSpared(_ verified: VerifiedPayment, _ verdict: VerifyOutcome) -> Bool {
        guard let route, let tier = route.freeTier, tier.subject == .payer, freeLeft == nil, !verified.isRecalled,
            !isRecalling
        else {
            return false
        }
        claimFree(tier, of: Array(verified.payer.utf8), on: route) { exchange, isGranted in
            guard isGranted else { return exchange.verified(verdict) }
            exchange.payment = nil
            exchange.remark = "free of charge, the payment was not used"
            if exchange.machine.spared() { exchange.admitFree(route) } else { exchange.unreachable("spared") }
        }
        return true
    }

    /// What the payment of this request opens beside it; its token goes out with the answer.
    func creditTerms(on route: PaywallRoute) -> CreditTerms? {
        guard let credit = route.credit else { return nil }
        let token = loop.grantToken()
        grant = token
        return credit.offer.terms(route: route.name, target: targetDigest, token: token)
    }

    /// Takes one request from what is free; `then` is told whether there was any, unless the client has left.
    func claimFree(
        _ tier: FreeTier, of subject: [UInt8], on route: PaywallRoute,
        then: @escaping @Sendable (Exchange, Bool) -> Void
    ) {
        var claim = tier.claim(route: route.name, subject: subject, key: loop.shared.addressKey)
        switch tier.unit {
        case .requests: break
        // Bytes are counted when they are known; as long as one is left the request begins.
        case .bytes: claim.amount = 1
        case .tokens:
            guard let estimate = tokenEstimate(on: route) else { return then(self, false) }
            claim.amount = estimate
        }
        let home = loop.home(of: self)
        let asked = claim
        loop.shared.ledger.claimAllowance(claim, now: loop.now()) { result in
            home.post { exchange in
                switch result {
                case .success(let outcome):
                    if outcome.isGranted { exchange.standing = Standing(.free(tier, asked, outcome)) }
                    exchange.freeLeft = (tier, outcome)
                    if exchange.isAbandoned { return exchange.endStanding() }
                    then(exchange, outcome.isGranted)
                case .failure(let error):
                    if exchange.isAbandoned { return }
                    route.isShadow ? then(exchange, false) : exchange.answer(.ledgerUnavailable(error))
                }
            }
        }
    }

    /// Whose requests are counted together with this one; nil where it cannot be told.
    func freeSubject(of tier: FreeTier) -> [UInt8]? {
        switch tier.subject {
        case .client:
            guard let address = client.address else { return [] }
            let network = address.network(ipv6Prefix: generation.limits.clientPrefix)
            return withUnsafeBytes(of: network.bits.bigEndian) { [UInt8]($0) }
        case .field(let name):
            let head = stream.head
            return head.withBytes { bytes in
                let lines = head.fields.filter { field in
                    bytes[field.name].count == name.utf8.count
                        && zip(bytes[field.name], name.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
                }
                // Two values may be read as either by who checks them; one that ends here is read by nobody.
                guard lines.count == 1, let line = lines.first, !line.value.isEmpty, !head.isNominated(line) else {
                    return nil
                }
                return [UInt8](bytes[line.value])
            }
        case .payer:
            return nil
        }
    }

    // MARK: Credit

    /// The token that the request shows; nil where it shows several.
    private var presentedToken: String? {
        let head = stream.head
        guard head.count(of: .paymentGrant) == 1, let field = head.first(.paymentGrant) else { return nil }
        return head.string(field.value)
    }

    /// Asks for a draw; where it is refused, a payment that came along is looked at.
    func draw(_ presenter: CreditPresenter, on route: PaywallRoute) {
        let request = DrawRequest(
            presenter: presenter, scopes: CreditOffer.scopes(route: route.name, target: targetDigest),
            amount: drawAmount, takesLess: route.credit?.offer.servesOnLess == true, now: loop.now())
        let home = loop.home(of: self)
        loop.shared.ledger.draw(request) { result in
            home.post { $0.drawn(result, on: route) }
        }
    }

    private func drawn(_ result: Result<DrawOutcome, LedgerError>, on route: PaywallRoute) {
        switch result {
        case .failure(let error):
            if !isAbandoned { answer(.ledgerUnavailable(error)) }
        case .success(.granted(let draw, let left)):
            take(draw, left)
            if isAbandoned { return endStanding() }
            remark = "credit"
            admitFree(route)
        case .success(.refused(let why, _)):
            if isAbandoned { return }
            creditRefusal = why.reason
            admitFreeOrPriced(route)
        case .success(.unknown):
            // The token may be that of an undelivered payment, which the claim knows.
            if isAbandoned { return }
            creditRefusal = ReasonCode(rawValue: "credit_unknown")
            admitFreeOrPriced(route)
        }
    }

    /// What a request holds of a balance: its price, in the currency of the balance; where it is metered, that is the most
    /// that it can be charged.
    private var drawAmount: DrawAmount {
        guard let drawSheet, route?.credit?.offer.isBalance == true else { return .exactly(.zero) }
        return .prices(
            Dictionary(
                drawSheet.offers.map { (Currency(network: $0.network, asset: $0.asset), $0.amount) },
                uniquingKeysWith: min))
    }

    private func take(_ draw: DrawReference, _ left: CreditLeft) {
        standing = Standing(.credit(draw, left))
        creditDrawnOn = draw.identity
    }

    /// The request that a payment came with draws on what the payment opened, as the later ones do; then it goes on.
    ///
    /// False where there is nothing to draw on, or it is done already.
    func drawsFirst(_ then: @escaping @Sendable (Exchange) -> Void) -> Bool {
        guard let route, route.credit != nil, standing == nil, let payment, let reference = payment.reference else {
            return false
        }
        // No new token: a redelivery may have been opened by the address alone, which must not open all the rest.
        let request = DrawRequest(
            presenter: .claim(reference), scopes: CreditOffer.scopes(route: route.name, target: targetDigest),
            amount: drawAmount, takesLess: route.credit?.offer.servesOnLess == true, now: loop.now())
        let home = loop.home(of: self)
        loop.shared.ledger.draw(request) { result in
            home.post { exchange in
                switch result {
                case .success(.granted(let draw, let left)):
                    exchange.take(draw, left)
                    if exchange.isAbandoned { return exchange.endStanding() }
                    then(exchange)
                case .success(.refused(let why, _)):
                    exchange.creditRefusal = why.reason
                    if !exchange.isAbandoned { exchange.refuseUsedUp() }
                case .success(.unknown), .failure:
                    if !exchange.isAbandoned { exchange.upstreamFailed(.poolClosed) }
                }
            }
        }
        return true
    }

    /// Ends the redelivery of a payment whose credit was used up meanwhile: what it paid for was had.
    private func refuseUsedUp() {
        guard let sheet, case .recordUndelivered(let reference) = machine.upstreamFailed() else {
            return unreachable("draw refused")
        }
        noteUndelivered(reference)
        challenge(sheet, .refused(.paymentAlreadyUsed))
    }

    // MARK: End

    /// Counts a request whose client left before the answer began: the upstream has all of it, and runs.
    ///
    /// Leaving early is no way to run it for nothing. What came with a payment of its own is redelivered instead.
    func countLeaving() {
        guard payment == nil, status == 0, forwarded != nil, upstream?.wasSent ?? true else { return }
        standing?.isServed = true
    }

    /// Gives back or posts what the request was served on; once, at its end.
    func endStanding() {
        guard let standing else { return }
        defer { self.standing = nil }
        let isServed = standing.isServed && !standing.isBroken
        switch standing.kind {
        case .free(let tier, let claim, let outcome):
            let used = isServed || tier.unit == .tokens && standing.isServed ? used(of: tier, claim) : 0
            let difference = Int64(clamping: used) - Int64(clamping: claim.amount)
            if difference != 0 {
                loop.shared.ledger.correctAllowance(claim.key, endsAt: outcome.endsAt, by: difference) { _ in }
            }
        case .credit(let draw, _):
            let end = end(of: draw, isServed: standing.isServed, isBroken: standing.isBroken)
            let shared = loop.shared
            shared.ledger.end(draw, end, now: loop.now()) { result in
                // What could not be written is released at the next start: nothing is charged that is not in the books.
                if case .failure = result { shared.failedTransitions.add(1, ordering: .relaxed) }
            }
        }
    }

    private func used(of tier: FreeTier, _ claim: AllowanceClaim) -> UInt64 {
        switch tier.unit {
        case .requests: 1
        case .bytes: bytesOut
        case .tokens: tokensUsed(of: claim.amount)
        }
    }

    /// What a request may use of the tokens that are free; nil where nobody can tell, and nothing is free.
    private func tokenEstimate(on route: PaywallRoute) -> UInt64? {
        var bounds = outputBounds
        if bounds == nil, case .length(let length) = stream.head.body { bounds = OutputBounds(bodyBytes: length) }
        return route.meter?.meter.tokenEstimate(bounds ?? OutputBounds(bodyBytes: 0))
    }

    /// How a draw ends: what was counted is charged, also of an answer that the upstream broke off, else the whole price.
    private func end(of draw: DrawReference, isServed: Bool, isBroken: Bool) -> DrawEnd {
        guard isServed else { return .release }
        guard answerMeter != nil, let charge else {
            return isBroken ? .release : .post(charge: draw.amount, bytes: bytesOut)
        }
        return charge.amount == .zero ? .release : .post(charge: charge.amount, bytes: bytesOut)
    }
}
