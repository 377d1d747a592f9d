import Facilitator
import Ledger
import NIOCore
import Primitives
import Synchronization
import Transport
import X402

/// Settlement, and what is written down about it.
extension Exchange {
    // MARK: Rail

    /// Asks the rail to settle; the claim's mark is durable.
    func settle(_ reference: PaymentReference) {
        guard let payment, let verified = payment.verified else { return }
        let order = SettleOrder(
            payment: payment.payment, requirements: payment.offer, identity: reference.identity, payer: verified.payer,
            reference: reference)
        let rail = payment.rail
        let home = loop.home(of: self)
        let isTaken = loop.shared.desk.submit {
            let outcome = await rail.settle(order)
            home.post { $0.settled(outcome) }
        }
        if !isTaken {
            settled(.unavailable(RailError(.unavailable, adapter: rail.id, "too many payments wait for this rail")))
        }
    }

    private func settled(_ outcome: SettleOutcome) {
        if case .settled(_, let payer?) = outcome { payment?.verified?.payer = payer }
        switch machine.settled(outcome, mayOwe: payment?.isExposureBounded == true) {
        case .record(let reference, let transaction):
            payment?.transaction = transaction
            countPayment()
            record(.settled(transaction: transaction, forwardingUntil: lease), of: reference)
        case .releaseAndRefuse(let reference, let reason):
            write(.released(reason: reason.rawValue), of: reference)
            refuseSettlement(reason)
        case .releaseAndAnswerUnavailable(let reference):
            write(.released(reason: "rail unavailable"), of: reference)
            guard let payment else { return }
            answer(.railUnavailable(RailError(.unavailable, adapter: payment.rail.id, "the rail could not be asked")))
        case .markUncertain(let reference, let transaction):
            write(.uncertain(transaction: transaction), of: reference)
            upstream?.cancel()
            answerWithoutOffers(.paymentRequired, .settlementPending, transaction: transaction ?? "")
        case .recordUncertain(let reference, let transaction):
            payment?.transaction = transaction
            record(.uncertain(transaction: transaction), of: reference)
        case .recordDeferred(let reference):
            countPayment()
            record(.deferred, of: reference)
        case .forfeit(let reference, let reason):
            forfeit(reference, reason: reason.rawValue)
            upstream?.cancel()
            refuseSettlement(reason)
        case .unreachable:
            unreachable("settled")
        }
    }

    /// 402 with the reason, offers for another try, and the failed receipt.
    private func refuseSettlement(_ reason: ReasonCode) {
        guard let sheet, let payment else { return }
        challenge(
            sheet, .refused(reason, payer: payment.verified?.payer), receipt: payment.failedReceipt(reason))
    }

    var lease: UnixTime { loop.now().adding(seconds: loop.shared.leaseSeconds) }

    // MARK: Ledger

    /// Writes a transition and goes on when it is durable; what fails is repeated by the worker.
    func record(_ event: PaymentEvent, of reference: PaymentReference) {
        let home = loop.home(of: self)
        let shared = loop.shared
        shared.ledger.apply(event, to: reference, now: loop.now()) { result in
            if case .failure = result { shared.backlog.keep(event, of: reference) }
            home.post { $0.recorded(result) }
        }
    }

    /// Writes a transition that nothing waits for; a failure is counted, and the transition repeated by the worker.
    func write(_ event: PaymentEvent, of reference: PaymentReference) {
        let shared = loop.shared
        if shared.backlog.keepsInOrder(event, of: reference) { return }
        shared.ledger.apply(event, to: reference, now: loop.now()) { result in
            switch result {
            case .success(.applied): return
            case .success(.refused), .success(.unknownPayment): break
            case .failure: shared.backlog.keep(event, of: reference)
            }
            shared.failedTransitions.add(1, ordering: .relaxed)
        }
    }

    func recordSettledLocally(_ reference: PaymentReference) {
        guard let payment else { return }
        let transaction = payment.localTransaction(of: reference.identity)
        self.payment?.transaction = transaction
        countPayment()
        record(.settled(transaction: transaction, forwardingUntil: lease), of: reference)
    }

    /// Marks a paid answer as not delivered, with a token for its redelivery.
    func recordUndelivered(_ reference: PaymentReference) {
        record(undelivered(granting: grant ?? loop.grantToken()), of: reference)
    }

    /// Marks a paid answer as not delivered where no token can be given any more.
    func noteUndelivered(_ reference: PaymentReference) {
        write(undelivered(granting: nil), of: reference)
    }

    private func undelivered(granting token: String?) -> PaymentEvent {
        grant = token
        if let print = bodyPrinter?.takePrint() { shownPrint = print }
        return .undelivered(
            grant: token.map { SHA256.hash($0) }, client: addressProof, body: shownPrint)
    }

    private func recorded(_ result: Result<ApplyOutcome, LedgerError>) {
        switch result {
        case .failure(let error):
            recordFailed(error)
        case .success(.refused), .success(.unknownPayment):
            recordFailed(LedgerError(.corrupt, "the ledger refused a transition that its state allows"))
        case .success(.applied):
            switch machine.recorded() {
            case .forward: forward()
            case .settle(let reference): settle(reference)
            case .relayWithReceipt: relayHeld(receipt: .settled)
            case .relayQueued: relayHeld(receipt: .queued)
            case .relayWithGrant: relayHeld(receipt: .undelivered)
            case .undeliver(let reference):
                noteUndelivered(reference)
                log()
            case .finish(let delivered):
                upstream?.cancel()
                if let delivered { write(.delivered, of: delivered) }
                log()
            case .unreachable: unreachable("recorded")
            }
        }
    }

    func recordFailed(_ error: LedgerError) {
        loop.counters.ledgerFailures += 1
        let decision = machine.recordFailed()
        if decision != .relayWithReceipt, decision != .relayQueued { upstream?.cancel() }
        switch decision {
        case .answerUnavailable:
            answer(.ledgerUnavailable(error))
        case .undeliver(let reference):
            write(undelivered(granting: isAbandoned ? nil : grant ?? loop.grantToken()), of: reference)
            answer(.ledgerUnavailable(error), receipt: .undelivered)
        case .answerWithGrant:
            answer(.ledgerUnavailable(error), receipt: .undelivered)
        case .relayWithReceipt:
            relayHeld(receipt: .settled)
        case .relayQueued:
            relayHeld(receipt: .queued)
        case .finish(let delivered):
            if let delivered { write(.delivered, of: delivered) }
            log()
        case .forfeit(let reference):
            forfeit(reference, reason: "ledger unavailable")
            answer(.ledgerUnavailable(error))
        case .drop:
            log()
        case .unreachable:
            unreachable("record failed")
        }
    }

    /// Closes a payment whose request ran and whose value will not move.
    private func forfeit(_ reference: PaymentReference, reason: String) {
        write(.owed, of: reference)
        write(.writtenOff(reason: reason), of: reference)
    }
}
