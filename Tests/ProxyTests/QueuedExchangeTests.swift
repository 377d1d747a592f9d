import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// Served now and settled later: the order of events, read as a table.
@Suite("The exchange's state machine, where payment comes later")
struct QueuedExchangeTests {
    let reference = PaymentReference(identity: PaymentIdentity(key: Bytes32.zero), row: 7)
    let down = SettleOutcome.unavailable(RailError(.unavailable, adapter: "rail", "down"))

    /// A machine whose claim is answered like this.
    private func reserved(
        _ timing: SettlementTiming, local: Bool = false, _ outcome: ReserveOutcome? = nil
    ) -> ExchangeStateMachine {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: timing, settlesLocally: local))
        _ = machine.verified(
            .valid(VerifiedPayment(identity: reference.identity, payer: "payer", validBefore: nil)))
        _ = machine.reserved(outcome ?? .granted(reference))
        return machine
    }

    /// A machine under `after` whose rail has been asked.
    private func settling(abandoned: Bool = false) -> ExchangeStateMachine {
        var machine = reserved(.after)
        if abandoned { _ = machine.downstreamClosed(requestComplete: true) }
        _ = machine.upstreamHead(delivers: true)
        _ = machine.recorded()
        return machine
    }

    // MARK: batch

    @Test("batch: the answer goes out once it is written down that it is owed; the rail is never asked")
    func batch() {
        var machine = reserved(.batch)
        #expect(machine.upstreamHead(delivers: true) == .recordOwed(reference))
        #expect(machine.recorded() == .relayQueued)
        #expect(machine.responseEnded() == .finish(delivered: nil))
    }

    @Test("batch: a rail that settles by itself has no use for it")
    func batchLocally() {
        var machine = reserved(.batch, local: true)
        #expect(machine.upstreamHead(delivers: true) == .recordSettledLocally(reference))
    }

    @Test("batch: what the upstream does not deliver is not owed")
    func notDelivered() {
        var refused = reserved(.batch)
        #expect(refused.upstreamHead(delivers: false) == .releaseAndRelay(reference))
        var failed = reserved(.batch)
        #expect(failed.upstreamFailed() == .releaseAndAnswerGatewayError(reference))
        var left = reserved(.batch)
        #expect(left.downstreamClosed(requestComplete: true) == .wait)
        #expect(left.upstreamHead(delivers: false) == .release(reference))
        var leftAndFailed = reserved(.batch)
        #expect(leftAndFailed.downstreamClosed(requestComplete: true) == .wait)
        #expect(leftAndFailed.upstreamFailed() == .release(reference))
    }

    @Test("batch: leaving before the head is no way to run the upstream for nothing")
    func leaving() {
        var machine = reserved(.batch)
        #expect(machine.downstreamClosed(requestComplete: true) == .wait)
        #expect(machine.upstreamHead(delivers: true) == .recordOwed(reference))
        #expect(machine.recorded() == .finish(delivered: nil))
        let isOver = machine.isFinished
        #expect(isOver)
        var half = reserved(.batch)
        #expect(half.downstreamClosed(requestComplete: false) == .cancelUpstreamAndRelease(reference))
    }

    @Test("batch: leaving while it is written down, or while the answer streams, changes nothing about what is owed")
    func leavingLate() {
        var writing = reserved(.batch)
        _ = writing.upstreamHead(delivers: true)
        #expect(writing.downstreamClosed(requestComplete: true) == .wait)
        #expect(writing.recorded() == .finish(delivered: nil))
        var streaming = reserved(.batch)
        _ = streaming.upstreamHead(delivers: true)
        _ = streaming.recorded()
        #expect(streaming.downstreamClosed(requestComplete: true) == .cancelUpstream)
    }

    @Test("batch: a ledger that cannot write it down does not hold up an answer that is claimed")
    func notWritten() {
        var machine = reserved(.batch)
        _ = machine.upstreamHead(delivers: true)
        #expect(machine.recordFailed() == .relayQueued)
        #expect(machine.responseEnded() == .finish(delivered: nil))
        var left = reserved(.batch)
        _ = left.upstreamHead(delivers: true)
        _ = left.downstreamClosed(requestComplete: true)
        #expect(left.recordFailed() == .finish(delivered: nil))
    }

    @Test(
        "batch: an upstream that breaks off while it is written down is told as broken, and an answer by halves never")
    func brokenOff() {
        var machine = reserved(.batch)
        _ = machine.upstreamHead(delivers: true)
        #expect(machine.upstreamFailed() == .remember)
        #expect(machine.recorded() == .relayQueued)
        #expect(machine.heldAnswerBroken() == .answerGatewayError)
        var streaming = reserved(.batch)
        _ = streaming.upstreamHead(delivers: true)
        _ = streaming.recorded()
        #expect(streaming.upstreamFailed() == .abort)
    }

    @Test(
        "batch: a payer that is not trusted settles first, and is forwarded only when it has",
        arguments: [SettlementTiming.after, .batch])
    func settleFirst(timing: SettlementTiming) {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: timing, settlesLocally: false))
        _ = machine.verified(
            .valid(VerifiedPayment(identity: reference.identity, payer: "payer", validBefore: nil)))
        #expect(machine.reserved(.settleFirst(reference)) == .settle(reference))
        #expect(machine.settled(.settled(transaction: "t", payer: nil)) == .record(reference, transaction: "t"))
        #expect(machine.recorded() == .forward)
        #expect(machine.upstreamHead(delivers: true) == .relayWithReceipt)
        var refused = reserved(timing, .settleFirst(reference))
        #expect(refused.settled(.refused(.signature, message: nil)) == .releaseAndRefuse(reference, .signature))
        var unknown = reserved(timing, .settleFirst(reference))
        #expect(
            unknown.settled(.unknown(transaction: "t"), mayOwe: true) == .markUncertain(reference, transaction: "t"))
        var unavailable = reserved(timing, .settleFirst(reference))
        #expect(unavailable.settled(down, mayOwe: true) == .releaseAndAnswerUnavailable(reference))
    }

    @Test("what is more than the payer has is refused, and nothing is forwarded")
    func overdrawn() {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .batch, settlesLocally: false))
        _ = machine.verified(
            .valid(VerifiedPayment(identity: reference.identity, payer: "payer", validBefore: nil)))
        #expect(machine.reserved(.overdrawn) == .refuseOverdrawn)
        let isOver = machine.isFinished
        #expect(isOver)
    }

    // MARK: after

    @Test("after: a rail that was not asked leaves the payment owed, within the bounds of what may be served unpaid")
    func deferred() {
        var machine = settling()
        #expect(machine.settled(down, mayOwe: true) == .recordDeferred(reference))
        #expect(machine.recorded() == .relayQueued)
        #expect(machine.responseEnded() == .finish(delivered: nil))
        var unbounded = settling()
        #expect(unbounded.settled(down, mayOwe: false) == .forfeit(reference, .unexpectedSettleError))
    }

    @Test("after: an unknown fate is written down, the answer goes out, and counts as delivered when it is")
    func unknown() {
        var machine = settling()
        #expect(
            machine.settled(.unknown(transaction: "t"), mayOwe: true)
                == .recordUncertain(reference, transaction: "t"))
        #expect(machine.recorded() == .relayQueued)
        #expect(machine.responseEnded() == .finish(delivered: reference))
        var unbounded = settling()
        #expect(
            unbounded.settled(.unknown(transaction: "t"), mayOwe: false)
                == .markUncertain(reference, transaction: "t"))
    }

    @Test("after: a refusal withholds the answer, whatever may be owed", arguments: [true, false])
    func refused(mayOwe: Bool) {
        var machine = settling()
        #expect(
            machine.settled(.refused(.insufficientBalance, message: nil), mayOwe: mayOwe)
                == .forfeit(reference, .insufficientBalance))
    }

    @Test(
        "after: a client that leaves while an unknown fate is written down has had its answer run",
        arguments: [true, false])
    func leavingUnknown(isWritten: Bool) {
        var machine = settling(abandoned: true)
        _ = machine.settled(.unknown(transaction: "t"), mayOwe: true)
        if isWritten {
            #expect(machine.recorded() == .finish(delivered: reference))
        } else {
            #expect(machine.recordFailed() == .finish(delivered: reference))
        }
        var deferred = settling(abandoned: true)
        _ = deferred.settled(down, mayOwe: true)
        #expect(deferred.recorded() == .finish(delivered: nil))
    }

    @Test("after: an unknown fate whose answer broke off while it was held can be delivered again")
    func brokenUnknown() {
        var machine = settling()
        _ = machine.upstreamFailed()
        _ = machine.settled(.unknown(transaction: "t"), mayOwe: true)
        #expect(machine.recorded() == .relayQueued)
        #expect(machine.heldAnswerBroken() == .recordUndelivered(reference))
        #expect(machine.recorded() == .relayWithGrant)
    }
}
