import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// The order of verify, claim, settle, forward and answer, read as a table.
@Suite("The exchange's state machine")
struct ExchangeStateMachineTests {
    let reference = PaymentReference(identity: PaymentIdentity(key: Bytes32.zero), row: 7)
    let valid = VerifyOutcome.valid(
        VerifiedPayment(identity: PaymentIdentity(key: Bytes32.zero), payer: "payer", validBefore: nil))

    /// A machine that has been granted its claim.
    private func granted(_ timing: SettlementTiming, local: Bool) -> ExchangeStateMachine {
        var machine = ExchangeStateMachine()
        #expect(machine.quoted(.paid(timing: timing, settlesLocally: local)) == .verify)
        _ = machine.verified(valid)
        _ = machine.reserved(.granted(reference))
        return machine
    }

    @Test("a free request is forwarded, relayed and finished without a claim")
    func free() {
        var machine = ExchangeStateMachine()
        #expect(machine.quoted(.free) == .forward)
        #expect(machine.upstreamHead(delivers: true) == .relay)
        #expect(machine.responseEnded() == .finish(delivered: nil))
        let isOvermachine = machine.isFinished
        #expect(isOvermachine)
    }

    @Test(
        "timing and rail decide how a claim opens",
        arguments: [
            (SettlementTiming.before, true, ExchangeStateMachine.Opening.settled),
            (.before, false, .settling), (.after, true, .forwarding), (.after, false, .forwarding),
            (.batch, false, .forwarding),
        ])
    func openings(timing: SettlementTiming, local: Bool, opening: ExchangeStateMachine.Opening) {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: timing, settlesLocally: local))
        #expect(machine.verified(valid) == .reserve(opening))
    }

    @Test("before: the rail is asked after the claim, and the upstream after the settlement is written down")
    func beforeOverTheNetwork() {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .before, settlesLocally: false))
        _ = machine.verified(valid)
        #expect(machine.reserved(.granted(reference)) == .settle(reference))
        #expect(machine.settled(.settled(transaction: "t", payer: nil)) == .record(reference, transaction: "t"))
        #expect(machine.recorded() == .forward)
        #expect(machine.upstreamHead(delivers: true) == .relayWithReceipt)
        #expect(machine.responseEnded() == .finish(delivered: reference))
    }

    @Test("before: an upstream that fails leaves the payment undelivered, with a token")
    func beforeUndelivered() {
        var machine = granted(.before, local: true)
        #expect(machine.upstreamHead(delivers: false) == .recordUndelivered(reference))
        #expect(machine.recorded() == .relayWithGrant)
        #expect(machine.responseEnded() == .finish(delivered: nil))

        var dead = granted(.before, local: true)
        #expect(dead.upstreamFailed() == .recordUndelivered(reference))
        #expect(dead.recorded() == .relayWithGrant)
        let isOverdead = dead.isFinished
        #expect(isOverdead)
    }

    @Test("before: an upstream that breaks off in the middle has not delivered")
    func beforeBrokenOff() {
        var machine = granted(.before, local: true)
        _ = machine.upstreamHead(delivers: true)
        #expect(machine.upstreamFailed() == .undeliverAndAbort(reference))
        #expect(machine.upstreamFailed() == .ignore)
    }

    @Test("after: the head waits for the settlement, and the rail is asked only once the mark is written")
    func afterOverTheNetwork() {
        var machine = granted(.after, local: false)
        #expect(machine.upstreamHead(delivers: true) == .recordSettle(reference))
        #expect(machine.recorded() == .settle(reference))
        #expect(machine.settled(.settled(transaction: "t", payer: nil)) == .record(reference, transaction: "t"))
        #expect(machine.recorded() == .relayWithReceipt)
        #expect(machine.responseEnded() == .finish(delivered: reference))
    }

    @Test("after: a local rail settles in one step")
    func afterLocally() {
        var machine = granted(.after, local: true)
        #expect(machine.upstreamHead(delivers: true) == .recordSettledLocally(reference))
        #expect(machine.recorded() == .relayWithReceipt)
    }

    @Test("after: an upstream that does not deliver is not paid for")
    func afterNotDelivered() {
        var machine = granted(.after, local: false)
        #expect(machine.upstreamHead(delivers: false) == .releaseAndRelay(reference))
        #expect(machine.responseEnded() == .finish(delivered: nil))

        var dead = granted(.after, local: false)
        #expect(dead.upstreamFailed() == .releaseAndAnswerGatewayError(reference))
    }

    @Test(
        "after: an answer whose settlement failed is withheld, and its payment runs the upstream never again",
        arguments: [
            SettleOutcome.refused(.insufficientFunds, message: nil),
            .unavailable(RailError(.timeout, adapter: "a", "m")),
        ])
    func afterForfeited(outcome: SettleOutcome) {
        var machine = granted(.after, local: false)
        _ = machine.upstreamHead(delivers: true)
        _ = machine.recorded()
        switch machine.settled(outcome) {
        case .forfeit(reference, _): break
        case let other: Issue.record("\(other)")
        }
        let isOvermachine = machine.isFinished
        #expect(isOvermachine)
    }

    @Test("an unknown fate is marked, whatever the timing", arguments: [SettlementTiming.before, .after])
    func unknownFate(timing: SettlementTiming) {
        var machine = granted(timing, local: false)
        if timing == .after {
            _ = machine.upstreamHead(delivers: true)
            _ = machine.recorded()
        }
        #expect(machine.settled(.unknown(transaction: "0x1")) == .markUncertain(reference, transaction: "0x1"))
    }

    @Test(
        "a claim that is not granted reaches neither rail nor upstream",
        arguments: [
            (ReserveOutcome.used, ExchangeStateMachine.OnReserved.refuseUsed), (.proofRequired, .refuseUsed),
            (.inFlight, .refuseInFlight), (.pending(transaction: "t"), .answerPending(transaction: "t")),
            (.overdrawn, .refuseOverdrawn),
        ])
    func refusedClaims(outcome: ReserveOutcome, answer: ExchangeStateMachine.OnReserved) {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .before, settlesLocally: true))
        _ = machine.verified(valid)
        #expect(machine.reserved(outcome) == answer)
        let isOvermachine = machine.isFinished
        #expect(isOvermachine)
    }

    @Test("a redelivery with a body is checked before it is forwarded")
    func redelivery() {
        let print = BodyPrint(length: 3, digest: Bytes32.zero, isComplete: true)
        for (matches, expected) in [
            (true, ExchangeStateMachine.OnBodyChecked.forward), (false, .refuse(reference)),
        ] {
            var machine = ExchangeStateMachine()
            _ = machine.quoted(.paid(timing: .before, settlesLocally: false))
            _ = machine.verified(valid)
            #expect(
                machine.reserved(.redelivery(reference, transaction: "t", body: print)) == .checkBody(reference, print))
            #expect(machine.bodyChecked(matches: matches) == expected)
        }
    }

    @Test("a client that leaves while its claim is made leaves no claim behind")
    func abandonedClaims() {
        for (timing, local, expected) in [
            (SettlementTiming.before, true, ExchangeStateMachine.OnReserved.undeliver(reference)),
            (.before, false, .release(reference)), (.after, false, .release(reference)),
        ] {
            var machine = ExchangeStateMachine()
            _ = machine.quoted(.paid(timing: timing, settlesLocally: local))
            _ = machine.verified(valid)
            #expect(machine.downstreamClosed(requestComplete: true) == .wait)
            #expect(machine.reserved(.granted(reference)) == expected)
        }
    }

    @Test("a client that leaves while the rail settles still gets its settlement written down")
    func abandonedSettlement() {
        var machine = granted(.before, local: false)
        #expect(machine.downstreamClosed(requestComplete: true) == .wait)
        #expect(machine.settled(.settled(transaction: "t", payer: nil)) == .record(reference, transaction: "t"))
        #expect(machine.recorded() == .undeliver(reference))
    }

    @Test("after: leaving before the head is no way to run the upstream for nothing")
    func abandonedAfter() {
        var machine = granted(.after, local: true)
        #expect(machine.downstreamClosed(requestComplete: true) == .wait)
        #expect(machine.upstreamHead(delivers: true) == .recordSettledLocally(reference))
        #expect(machine.recorded() == .finish(delivered: reference))

        var half = granted(.after, local: true)
        #expect(half.downstreamClosed(requestComplete: false) == .cancelUpstreamAndRelease(reference))

        var failing = granted(.after, local: true)
        _ = failing.downstreamClosed(requestComplete: true)
        #expect(failing.upstreamHead(delivers: false) == .release(reference))
    }

    @Test("a client that leaves in the middle of a paid answer has had it")
    func abandonedAnswer() {
        var machine = granted(.before, local: true)
        _ = machine.upstreamHead(delivers: true)
        #expect(machine.downstreamClosed(requestComplete: true) == .cancelUpstreamAndDeliver(reference))

        var waiting = granted(.before, local: true)
        #expect(waiting.downstreamClosed(requestComplete: true) == .cancelUpstreamAndUndeliver(reference))
    }

    @Test("a ledger that cannot claim closes the exchange without forwarding")
    func unclaimed() {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .before, settlesLocally: true))
        _ = machine.verified(valid)
        #expect(machine.recordFailed() == .answerUnavailable)
        let isOvermachine = machine.isFinished
        #expect(isOvermachine)
        #expect(machine.recordFailed() == .drop)

        var abandoned = ExchangeStateMachine()
        _ = abandoned.quoted(.paid(timing: .after, settlesLocally: true))
        _ = abandoned.verified(valid)
        _ = abandoned.downstreamClosed(requestComplete: true)
        #expect(abandoned.recordFailed() == .drop)
    }

    @Test(
        "before: a settlement that cannot be recorded is not forwarded, and kept for its payer",
        arguments: [true, false])
    func unrecordedBefore(isAbandoned: Bool) {
        var machine = granted(.before, local: false)
        if isAbandoned { _ = machine.downstreamClosed(requestComplete: true) }
        _ = machine.settled(.settled(transaction: "t", payer: nil))
        #expect(machine.recordFailed() == .undeliver(reference))
        let isOver = machine.isFinished
        #expect(isOver)
    }

    @Test("after: a mark that cannot be recorded forfeits the payment; the rail is not asked")
    func unmarked() {
        var machine = granted(.after, local: false)
        _ = machine.upstreamHead(delivers: true)
        #expect(machine.recordFailed() == .forfeit(reference))
        #expect(machine.settled(.settled(transaction: "t", payer: nil)) == .unreachable)
    }

    @Test("after: what was paid for is delivered though it cannot be recorded yet", arguments: [true, false])
    func unrecordedAfter(isLocal: Bool) {
        var machine = granted(.after, local: isLocal)
        _ = machine.upstreamHead(delivers: true)
        if !isLocal {
            _ = machine.recorded()
            _ = machine.settled(.settled(transaction: "t", payer: nil))
        }
        #expect(machine.recordFailed() == .relayWithReceipt)
        #expect(machine.responseEnded() == .finish(delivered: reference))

        var abandoned = granted(.after, local: isLocal)
        _ = abandoned.downstreamClosed(requestComplete: true)
        _ = abandoned.upstreamHead(delivers: true)
        if !isLocal {
            _ = abandoned.recorded()
            _ = abandoned.settled(.settled(transaction: "t", payer: nil))
        }
        #expect(abandoned.recordFailed() == .finish(delivered: reference))
    }

    @Test("an undelivered answer that cannot be recorded still gives its token", arguments: [true, false])
    func unrecordedUndelivered(answers: Bool) {
        var machine = granted(.before, local: true)
        if answers { _ = machine.upstreamHead(delivers: false) } else { _ = machine.upstreamFailed() }
        #expect(machine.recordFailed() == .answerWithGrant)
    }

    @Test("an answer that broke off while it was held is not let go by halves")
    func heldAnswerBroken() {
        var machine = granted(.after, local: false)
        _ = machine.upstreamHead(delivers: true)
        #expect(machine.upstreamFailed() == .remember)
        _ = machine.recorded()
        #expect(machine.upstreamFailed() == .remember)
        _ = machine.settled(.settled(transaction: "t", payer: nil))
        #expect(machine.upstreamFailed() == .remember)
        #expect(machine.recorded() == .relayWithReceipt)
        #expect(machine.heldAnswerBroken() == .recordUndelivered(reference))
        #expect(machine.recorded() == .relayWithGrant)
        let isOver = machine.isFinished
        #expect(isOver)

        var undelivered = granted(.before, local: true)
        _ = undelivered.upstreamHead(delivers: false)
        #expect(undelivered.upstreamFailed() == .remember)
        #expect(undelivered.recorded() == .relayWithGrant)
        #expect(undelivered.heldAnswerBroken() == .answerGatewayError)

        var early = granted(.before, local: true)
        #expect(early.heldAnswerBroken() == .unreachable)
    }

    @Test("a client that is cut off in the middle of its paid answer has not had it")
    func cutOff() {
        var machine = granted(.before, local: true)
        _ = machine.upstreamHead(delivers: true)
        let action = machine.downstreamClosed(requestComplete: true, isCutOff: true)
        #expect(action == .cancelUpstreamAndUndeliver(reference))
    }

    @Test("a client that leaves before anything is claimed costs nothing")
    func leavesEarly() {
        var opened = ExchangeStateMachine()
        #expect(opened.downstreamClosed(requestComplete: false) == .drop)
        var verifying = ExchangeStateMachine()
        _ = verifying.quoted(.paid(timing: .before, settlesLocally: false))
        #expect(verifying.downstreamClosed(requestComplete: false) == .drop)
        #expect(verifying.verified(valid) == .drop)
        #expect(verifying.verifyFailed() == .drop)
    }

    @Test(
        "a client that leaves at a claim that is refused leaves nothing to do",
        arguments: [ReserveOutcome.used, .proofRequired, .inFlight, .pending(transaction: nil), .overdrawn])
    func abandonedRefusals(outcome: ReserveOutcome) {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .before, settlesLocally: false))
        _ = machine.verified(valid)
        _ = machine.downstreamClosed(requestComplete: true)
        #expect(machine.reserved(outcome) == .drop)
    }

    @Test(
        "a payer that must settle first goes the way of before", arguments: [SettlementTiming.after, .batch],
        [true, false])
    func settleFirst(timing: SettlementTiming, local: Bool) {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: timing, settlesLocally: local))
        _ = machine.verified(valid)
        #expect(machine.reserved(.settleFirst(reference)) == .settle(reference))
        #expect(
            machine.settled(.settled(transaction: "0x1", payer: nil)) == .record(reference, transaction: "0x1"))
        #expect(machine.recorded() == .forward)
        #expect(machine.upstreamHead(delivers: true) == .relayWithReceipt)
    }

    @Test("a payer that must settle first and leaves has nothing moved")
    func abandonedSettleFirst() {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .batch, settlesLocally: false))
        _ = machine.verified(valid)
        _ = machine.downstreamClosed(requestComplete: true)
        #expect(machine.reserved(.settleFirst(reference)) == .release(reference))
    }

    @Test("a redelivery whose client leaves stays undelivered")
    func abandonedRedelivery() {
        let print = BodyPrint(length: 3, digest: Bytes32.zero, isComplete: true)
        var reserving = ExchangeStateMachine()
        _ = reserving.quoted(.paid(timing: .before, settlesLocally: false))
        _ = reserving.verified(valid)
        _ = reserving.downstreamClosed(requestComplete: false)
        #expect(reserving.reserved(.redelivery(reference, transaction: "t", body: print)) == .undeliver(reference))

        var checking = ExchangeStateMachine()
        _ = checking.quoted(.paid(timing: .before, settlesLocally: false))
        _ = checking.verified(valid)
        _ = checking.reserved(.redelivery(reference, transaction: "t", body: print))
        #expect(checking.downstreamClosed(requestComplete: false) == .undeliver(reference))
        #expect(checking.bodyChecked(matches: true) == .unreachable)
    }

    @Test("random orders of events never forward twice, nor forward a paid request without a grant", arguments: 0..<200)
    func randomOrders(seed: UInt64) {
        var random = SplitMix(state: seed)
        var machine = ExchangeStateMachine()
        var forwards = 0
        var isGranted = false
        let isPaid = Bool.random(using: &random)
        let terms =
            isPaid
            ? Terms.paid(
                timing: [.before, .after].randomElement(using: &random) ?? .before,
                settlesLocally: Bool.random(using: &random)) : .free
        if machine.quoted(terms) == .forward { forwards += 1 }
        for _ in 0..<40 {
            switch Int.random(in: 0..<9, using: &random) {
            case 0: _ = machine.verified(valid)
            case 1:
                let answer = machine.reserved(.granted(reference))
                if answer != .unreachable { isGranted = true }
                if answer == .forward { forwards += 1 }
            case 2: _ = machine.settled(.settled(transaction: "t", payer: nil))
            case 3: if machine.recorded() == .forward { forwards += 1 }
            case 4: _ = machine.upstreamHead(delivers: Bool.random(using: &random))
            case 5: _ = machine.upstreamFailed()
            case 6: _ = machine.responseEnded()
            case 7: _ = machine.recordFailed()
            default:
                if Int.random(in: 0..<6, using: &random) == 0 {
                    _ = machine.downstreamClosed(requestComplete: Bool.random(using: &random))
                }
            }
        }
        #expect(forwards <= 1, "seed \(seed)")
        if isPaid, !isGranted { #expect(forwards == 0, "seed \(seed)") }
    }

    // MARK: Limits

    @Test("a verified payment that waits is claimed when its turn comes, as it would have been at once")
    func waits() {
        var machine = ExchangeStateMachine()
        _ = machine.quoted(.paid(timing: .after, settlesLocally: false))
        #expect(machine.verified(valid) == .reserve(.forwarding))
        let waits = machine.waits()
        #expect(waits)
        #expect(machine.reserved(.granted(reference)) == .unreachable)
        #expect(machine.admitted() == .reserve(.forwarding))
        #expect(machine.reserved(.granted(reference)) == .forward)
        let waitsAgain = machine.waits()
        #expect(!waitsAgain)
        #expect(machine.admitted() == .unreachable)
        #expect(machine.turnedAway() == .unreachable)
    }

    @Test("a request is turned away before anything is claimed; a client that left while it waited is dropped")
    func turnedAway() {
        var free = ExchangeStateMachine()
        #expect(free.admitted() == .quote)
        #expect(free.turnedAway() == .answer)
        #expect(free.turnedAway() == .drop)
        var paid = ExchangeStateMachine()
        _ = paid.quoted(.paid(timing: .before, settlesLocally: true))
        _ = paid.verified(valid)
        #expect(paid.turnedAway() == .answer)
        var gone = ExchangeStateMachine()
        _ = gone.quoted(.paid(timing: .before, settlesLocally: true))
        _ = gone.verified(valid)
        _ = gone.waits()
        #expect(gone.downstreamClosed(requestComplete: true) == .drop)
        #expect(gone.admitted() == .drop)
        #expect(gone.turnedAway() == .drop)
    }
}

/// A generator whose numbers are the same for the same seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
