import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Transport
import X402

/// From the payment header to the claim.
extension Exchange {
    func admitPriced(_ route: PaywallRoute, _ sheet: OfferSheet) {
        switch readPayment() {
        case .none:
            challenge(sheet, .unpaid)
        case .undecodable(let reason):
            challenge(sheet, .refused(reason))
        case .conflicting:
            answer(.conflictingPayments)
        case .payment(let payment):
            if let refusal = refusal(ofIdentifier: payment, on: route) { return answer(refusal) }
            match(payment, on: route, sheet)
        }
    }

    func readPayment() -> PaymentReading {
        let head = stream.head
        guard head.has(.paymentSignature) || head.has(.xPayment) else { return .none }
        guard isSingular(.paymentSignature, in: head), isSingular(.xPayment, in: head) else { return .conflicting }
        return head.withBytes { bytes in
            let signature = head.first(.paymentSignature).map { UnsafeRawBufferPointer(rebasing: bytes[$0.value]) }
            let plain = head.first(.xPayment).map { UnsafeRawBufferPointer(rebasing: bytes[$0.value]) }
            return loop.reader.read(paymentSignature: signature, xPayment: plain)
        }
    }

    /// Whether a field came at most once, or always with the same value.
    private func isSingular(_ known: KnownField, in head: RequestHead) -> Bool {
        guard head.count(of: known) > 1, let first = head.first(known) else { return true }
        return head.withBytes { bytes in
            let expected = bytes[first.value]
            return head.fields.allSatisfy { $0.known != known || bytes[$0.value].elementsEqual(expected) }
        }
    }

    /// Finds the offer that the payment is for: ours of now, or one that was made before and still stands.
    ///
    /// Only the sheet that this request is priced by counts, not those of the route's other rules.
    private func match(_ payment: Payment, on route: PaywallRoute, _ sheet: OfferSheet) {
        let match = payment.match(sheet.offers)
        if case .offer(let index) = match, payment.isSigned(for: sheet.offers[index]) {
            return verify(payment, offer: index, of: sheet)
        }
        if let (earlier, index) = offerMadeBefore(payment, on: route) {
            return verify(payment, offer: index, of: earlier)
        }
        switch match {
        case .offer(let index): recall(payment, like: sheet) { $0.verify(payment, offer: index, of: sheet) }
        case .ambiguous: challenge(sheet, .refused(.ambiguousOffer))
        case .none(let reason): recall(payment, like: sheet) { $0.challenge(sheet, .refused(reason)) }
        }
    }

    /// The offer that this request was made under an older file, or at an earlier hour.
    private func offerMadeBefore(_ payment: Payment, on route: PaywallRoute) -> (OfferSheet, Int)? {
        if let quote, quote.tariff.table.dependsOnTime {
            let then = loop.now().adding(seconds: -Int64(route.maxTimeoutSeconds))
            for sheet in sheets(under: route, at: then) {
                if let index = payment.signedOffer(of: sheet) { return (sheet, index) }
            }
        }
        // What a route in shadow mode would have asked was asked of nobody.
        for older in loop.retiredRoutes(named: route.name) where !older.route.isShadow {
            for sheet in sheets(under: older.route, at: loop.now()) {
                guard let index = payment.signedOffer(of: sheet),
                    loop.isStanding(sheet.offers[index], since: older.since)
                else { continue }
                return (sheet, index)
            }
        }
        return nil
    }

    func verify(_ payment: Payment, offer index: Int, of sheet: OfferSheet) {
        let offer = sheet.offers[index]
        guard let rail = sheet.rail(of: index, form: payment.form) else {
            refuse(.unsupportedScheme)
            return
        }
        self.payment = PaymentContext(payment: payment, offer: offer, sheet: sheet, rail: rail)
        let local =
            switch rail.settlement {
            case .local: true
            case .remote: false
            }
        guard machine.quoted(.paid(timing: timing, settlesLocally: local)) == .verify else {
            unreachable("quoted paid")
            return
        }
        switch rail.verifyLocally(payment, for: offer, now: loop.now(), keys: &loop.keys) {
        case .decided(let outcome) where !local && outcome.mayBeKnown:
            verifyOverNetwork(payment, offer: offer, rail: rail, judged: outcome)
        case .decided(let outcome):
            verified(outcome)
        case .needsNetwork:
            verifyOverNetwork(payment, offer: offer, rail: rail)
        }
    }

    /// Asks the rail, unless it has judged already, and then the ledger where the payment may be known there.
    private func verifyOverNetwork(
        _ payment: Payment, offer: PaymentRequirements, rail: any Rail, judged: VerifyOutcome? = nil
    ) {
        let now = loop.now()
        let home = loop.home(of: self)
        let ledger = loop.shared.ledger
        let isTaken = loop.shared.desk.submit {
            do throws(RailError) {
                let verdict =
                    if let judged { judged } else { try await rail.verify(payment, for: offer, now: now) }
                let outcome = try await verdict.recalled(payment, for: offer, rail: rail, ledger: ledger)
                home.post { $0.verified(outcome) }
            } catch {
                home.post { $0.verifyFailed(error) }
            }
        }
        if !isTaken { verifyFailed(RailError(.unavailable, adapter: rail.id, "too many payments wait for this rail")) }
    }

    private func verifyFailed(_ error: RailError) {
        switch machine.verifyFailed() {
        case .answerUnavailable: answer(.railUnavailable(error))
        case .drop: log()
        case .unreachable: unreachable("verify failed")
        }
    }

    func verified(_ verdict: VerifyOutcome) {
        let outcome = outlivesBatch(verdict)
        if case .valid(let verified) = outcome {
            if isSpared(verified, verdict) { return }
            payment?.verified = verified
            if let route, isUpstreamDown(route) { return upstreamDownBeforeClaim(route) }
        }
        switch machine.verified(outcome) {
        case .reserve(let opening):
            admitVerified(opening)
        case .refuse(let reason):
            var payer: String?
            if case .invalid(_, let known) = outcome { payer = known }
            // What a payer has paid is nobody's business who only names it.
            if let base = quote?.base { sheet = base }
            refuse(reason, payer: payer)
        case .drop:
            log()
        case .unreachable:
            unreachable("verified")
        }
    }

    /// A payment that would end before its batch is refused now, and not served to be lost.
    private func outlivesBatch(_ outcome: VerifyOutcome) -> VerifyOutcome {
        guard let route, route.leastValidity > 0, case .valid(let verified) = outcome,
            let end = verified.validBefore, end < loop.now().adding(seconds: route.leastValidity)
        else { return outcome }
        return .invalid(.validBefore, payer: verified.payer)
    }

    // MARK: Claim

    func reserve(_ opening: ExchangeStateMachine.Opening) {
        guard let route, let payment, let verified = payment.verified else { return }
        let now = loop.now()
        let claim = Claim(
            identity: verified.identity,
            owner: .paywall(RequestBinding(route: route.name, method: methodName, target: targetDigest)),
            adapter: payment.rail.id, form: payment.payment.form, timing: timing,
            scheme: payment.offer.scheme, network: payment.offer.network, asset: payment.offer.asset,
            amount: payment.offer.amount, payTo: payment.offer.payTo, payer: verified.payer,
            validBefore: verified.validBefore, settlement: settlementOrder(opening, payment))
        let exposure = exposure(of: payment, verified)
        self.payment?.isExposureBounded = exposure?.perPayer != nil && exposure?.total != nil
        var request = ReserveRequest(
            claim: claim, opening: self.opening(opening, payment: payment, identity: verified.identity, now: now),
            proof: proof(), now: now, redelivery: route.redelivery, exposure: exposure)
        request.recallsOnly = verified.isRecalled || isRecalling
        request.credit = creditTerms(on: route)
        request.identifier = identifierClaim(payment, payer: verified.payer, on: route, now: now)
        let home = loop.home(of: self)
        loop.shared.ledger.reserve(request) { result in
            home.post { $0.reserved(result) }
        }
    }

    /// What the claim is measured against; a rail without an outside effect leaves nothing open.
    private func exposure(
        of payment: PaymentContext, _ verified: VerifiedPayment
    ) -> ExposureTerms? {
        guard case .remote = payment.rail.settlement else { return nil }
        var terms = payment.sheet.exposure(of: payment.offer)
        if let balance = verified.balance { terms = terms ?? ExposureTerms(); terms?.balance = balance }
        return terms
    }

    /// What the rail will need if a crash comes between the claim and its settlement.
    private func settlementOrder(_ opening: ExchangeStateMachine.Opening, _ payment: PaymentContext) -> [UInt8]? {
        guard opening != .settled else { return nil }
        return SettlementBlob(payment: payment.payment, requirements: payment.offer).encoded()
    }

    private func opening(
        _ opening: ExchangeStateMachine.Opening, payment: PaymentContext, identity: PaymentIdentity, now: UnixTime
    ) -> ClaimOpening {
        let lease = now.adding(seconds: loop.shared.leaseSeconds)
        switch opening {
        case .settled:
            let transaction = payment.localTransaction(of: identity)
            self.payment?.transaction = transaction
            return .settled(transaction: transaction, forwardingUntil: lease)
        case .settling:
            return .settling
        case .forwarding:
            return .forwarding(until: lease)
        }
    }

    /// What the presenter of a settled payment can show beside its header.
    private func proof() -> PresenterProof {
        guard let token = stream.head.first(.paymentGrant) else {
            return PresenterProof(grant: nil, client: addressProof)
        }
        let grant = stream.head.withBytes { SHA256.hash(UnsafeRawBufferPointer(rebasing: $0[token.value])) }
        return PresenterProof(grant: grant, client: addressProof)
    }

    private func reserved(_ result: Result<ReserveOutcome, LedgerError>) {
        switch result {
        case .failure(let error):
            recordFailed(error)
        case .success(let outcome):
            switch outcome {
            case .redelivery(let reference, let transaction, _):
                startKeeping(of: route)
                payment?.reference = reference
                // Under an id it may be another payment's.
                payment?.verified?.identity = reference.identity
                payment?.transaction = transaction
                remark = "redelivery"
                // The token that goes with the credit is known to whoever was given it, and to nobody else.
                grant = nil
            case .granted(let reference), .settleFirst(let reference):
                startKeeping(of: route)
                payment?.reference = reference
                // Claim and settlement were one step.
                if payment?.transaction != nil { countPayment() }
            case .answered(let answer):
                keptAnswer = answer
                grant = nil
            case .overdrawn, .inFlight, .pending, .used, .proofRequired, .identifierRefused:
                grant = nil
            }
            reserved(outcome)
        }
    }

    private func reserved(_ outcome: ReserveOutcome) {
        switch machine.reserved(outcome, isMetered: isCharged) {
        case .forward:
            forward()
        case .settle(let reference):
            settle(reference)
        case .checkBody(_, let print), .checkAnswer(let print):
            checkBody(print)
        case .refuseIdentifier(let refusal):
            refuse(refusal)
        case .refuseUsed:
            refuse(.paymentAlreadyUsed)
        case .refuseOverdrawn:
            refuse(.insufficientBalance, payer: payment?.verified?.payer)
        case .refuseInFlight:
            answerWithoutOffers(.conflict, .paymentInFlight)
        case .answerPending(let transaction):
            answerWithoutOffers(.paymentRequired, .settlementPending, transaction: transaction ?? "")
        case .release(let reference):
            write(.released(reason: "client gone"), of: reference)
            log()
        case .releaseAndRefuse(let reference):
            write(.released(reason: "payer must pay first"), of: reference)
            answer(.tooManyRequests(.payerIsBusy))
        case .undeliver(let reference):
            noteUndelivered(reference)
            log()
        case .drop:
            log()
        case .unreachable:
            unreachable("reserved")
        }
    }

    // MARK: Redelivery

    private func checkBody(_ print: BodyPrint) {
        shownPrint = print
        let check = BodyCheck(print)
        guard check.isPossible else {
            bodyChecked(.different)
            return
        }
        bodyCheck = check
        if stream.head.body == .none {
            bodyChecked(check.ended())
        } else if let held = takeHeldBody() {
            checkHeld(held.bytes, check, trailers: held.trailers)
        } else {
            stream.acceptBody()
        }
    }

    /// Checks what was held back for the price, and lets the rest come where that does not decide.
    private func checkHeld(_ bytes: ByteBuffer, _ check: consuming BodyCheck, trailers: ByteBuffer?) {
        var verdict = check.received(bytes)
        if verdict == .undecided, isRequestComplete { verdict = check.ended() }
        bodyCheck = check
        if verdict == .undecided { return goOnWithBody() }
        bodyChecked(verdict, trailers: trailers)
    }

    /// Lets a client go on that was made to wait.
    func goOnWithBody() {
        if quote?.takePause() == true || boundedBody?.takePause() == true { stream.resumeBody() }
    }

    func bodyChecked(_ verdict: BodyCheck.Verdict, trailers: ByteBuffer? = nil) {
        guard verdict != .undecided else { return }
        let inHand = bodyCheck?.bytes ?? ByteBuffer()
        bodyCheck = nil
        switch machine.bodyChecked(matches: verdict == .same) {
        case .forward:
            forward(bodyInHand: inHand, trailers: trailers)
        case .refuse(let reference):
            remark = "another body than the one that was paid for"
            write(.undelivered(grant: nil, client: nil, body: shownPrint), of: reference)
            if identifierKey == nil { refuse(.paymentAlreadyUsed) } else { refuse(IdentifierRefusal.conflict) }
        case .answerAgain:
            answerAgain()
        case .refuseIdentifier:
            refuse(IdentifierRefusal.conflict)
        case .unreachable:
            unreachable("body checked")
        }
    }
}

extension Payment {
    /// The offer of a sheet that was signed for; nil where there is none.
    func signedOffer(of sheet: OfferSheet) -> Int? {
        guard case .offer(let index) = match(sheet.offers), isSigned(for: sheet.offers[index]) else { return nil }
        return index
    }

    /// Whether what was signed is what the offer asks, as far as our own reading goes.
    ///
    /// Version 1 and the plain form name no amount beside it, so that they fit every offer of their asset.
    fileprivate func isSigned(for offer: PaymentRequirements) -> Bool {
        switch payload {
        case .transfer(let transfer): transfer.value == offer.amount && offer.payTo == .address(transfer.to)
        case .permit(let permit): permit.amount == offer.amount && offer.payTo == .address(permit.to)
        case .other: true
        }
    }
}
