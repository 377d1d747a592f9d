import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// Charged when the answer is over: the order of events, read as a table.
@Suite("The exchange's state machine, where the charge is known at the end")
struct MeteredExchangeTests {
    let reference = PaymentReference(identity: PaymentIdentity(key: Bytes32.zero), row: 7)

    private func reserved(_ outcome: ReserveOutcome? = nil) -> ExchangeStateMachine {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .after, settlesLocally: false))
        _ = machine.verified(
            .valid(VerifiedPayment(identity: reference.identity, payer: "payer", validBefore: nil)))
        _ = machine.reserved(outcome ?? .granted(reference), isMetered: true)
        return machine
    }

    private func relaying() -> ExchangeStateMachine {
        var machine = reserved()
        _ = machine.upstreamHead(delivers: true)
        return machine
    }

    @Test("the answer goes out at once, and is charged when it is over")
    func whole() {
        var machine = reserved()
        #expect(machine.upstreamHead(delivers: true) == .relayQueued)
        #expect(machine.responseEnded() == .charge(reference))
        let isFinished = machine.isFinished
        #expect(isFinished)
    }

    @Test("what breaks off in the middle is charged, whoever broke it off")
    func broken() {
        var failed = relaying()
        #expect(failed.upstreamFailed() == .chargeAndAbort(reference))
        var left = relaying()
        #expect(left.downstreamClosed(requestComplete: true) == .cancelUpstreamAndCharge(reference))
        var cutOff = relaying()
        #expect(cutOff.downstreamClosed(requestComplete: true, isCutOff: true) == .cancelUpstreamAndCharge(reference))
    }

    @Test("before the head nothing is charged")
    func early() {
        var refused = reserved()
        #expect(refused.upstreamHead(delivers: false) == .releaseAndRelay(reference))
        #expect(refused.responseEnded() == .finish(delivered: nil))
        var failed = reserved()
        #expect(failed.upstreamFailed() == .releaseAndAnswerGatewayError(reference))
        var left = reserved()
        #expect(left.downstreamClosed(requestComplete: true) == .cancelUpstreamAndRelease(reference))
        #expect(left.upstreamFailed() == .ignore)
    }

    @Test("who must pay first cannot buy what is priced afterwards; who left gets the claim back")
    func notGranted() {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .after, settlesLocally: false))
        _ = machine.verified(
            .valid(VerifiedPayment(identity: reference.identity, payer: "payer", validBefore: nil)))
        #expect(machine.reserved(.settleFirst(reference), isMetered: true) == .releaseAndRefuse(reference))
        var left = ExchangeStateMachine()
        _ = left.quoted(.paid(timing: .after, settlesLocally: false))
        _ = left.verified(.valid(VerifiedPayment(identity: reference.identity, payer: "payer", validBefore: nil)))
        _ = left.downstreamClosed(requestComplete: true)
        #expect(left.reserved(.granted(reference), isMetered: true) == .release(reference))
    }
}
