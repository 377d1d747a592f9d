package import Facilitator
package import Ledger
package import X402

/// What a route asks of a request before it is forwarded.
package enum Terms: Hashable, Sendable {
    case free
    /// `settlesLocally`: the rail settles without an outside effect, so that claim and settlement are one step.
    case paid(timing: SettlementTiming, settlesLocally: Bool)
}

/// The order in which one request is verified, claimed, settled, forwarded and answered.
///
///     opened ─▶ forwarding(free) ─▶ relaying ─▶ finished
///        └───▶ verifying ─▶ (waiting) ─▶ reserving
///     reserving ─┬─▶ settling ─▶ recording ─┬─▶ forwarding(paid) ─▶ relaying ─▶ finished
///                ├─▶ checkingBody ──────────┘         └─▶ undelivering ─▶ relaying(free)
///                ├─▶ forwarding(promised) ─▶ marking ─▶ settlingAnswer ─▶ recordingAnswer ─▶ relaying
///                ├─▶ forwarding(queued) ─▶ queueing ─▶ relaying
///                └─▶ forwarding(metered) ─▶ relaying ─▶ finished
///
/// Events in, actions out: the shell performs an action and reports what came of it. An `abandoned` exchange has lost its client
/// but still owes the ledger the truth. An event that cannot come in a state answers `.unreachable`.
package struct ExchangeStateMachine: ~Copyable {
    /// What the upstream's answer is worth to the ledger.
    package enum Held: Hashable, Sendable {
        case free
        /// Settled; the lease in `forwarding` runs.
        case paid(PaymentReference)
        /// Claimed; settled when the upstream delivers.
        case promised(PaymentReference)
        /// Claimed; settled with others some time after the upstream has delivered.
        case queued(PaymentReference)
        /// Claimed; what is charged of it is known when the answer is over.
        case metered(PaymentReference)
    }

    enum State: ~Copyable {
        case opened
        case verifying(SettlementTiming, settlesLocally: Bool)
        /// Verified, and as much runs as may: nothing is claimed yet.
        case waiting(SettlementTiming, settlesLocally: Bool)
        case reserving(SettlementTiming, settlesLocally: Bool, abandoned: Bool)
        case checkingBody(PaymentReference)
        /// Nothing is claimed: an answer is given again once the body is shown to be the same.
        case checkingAnswer
        case settling(PaymentReference, abandoned: Bool)
        case recording(PaymentReference, abandoned: Bool)
        case forwarding(Held, settlesLocally: Bool, abandoned: Bool)
        case undelivering(PaymentReference, answered: Bool)
        case marking(PaymentReference, abandoned: Bool)
        case settlingAnswer(PaymentReference, abandoned: Bool)
        case recordingAnswer(PaymentReference, abandoned: Bool)
        /// Served and not paid yet is being written; `leased` where the service still runs in the ledger.
        case queueing(PaymentReference, leased: Bool, abandoned: Bool)
        case relaying(Held)
        case finished
    }

    var state: State

    package init() { self.state = .opened }

    init(_ state: consuming State) { self.state = state }

    /// Whether the exchange is over.
    package var isFinished: Bool {
        switch self.state {
        case .finished: true
        default: false
        }
    }

    // MARK: Quote and verify

    package enum OnQuoted: Hashable { case forward, verify, unreachable }

    package mutating func quoted(_ terms: Terms) -> OnQuoted {
        switch consume self.state {
        case .opened:
            switch terms {
            case .free:
                self = Self(.forwarding(.free, settlesLocally: false, abandoned: false))
                return .forward
            case .paid(let timing, let local):
                self = Self(.verifying(timing, settlesLocally: local))
                return .verify
            }
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    package enum OnVerified: Hashable {
        /// Claim the payment; the opening is the mark that is durable before the next outside effect.
        case reserve(Opening)
        case refuse(ReasonCode)
        /// Nobody waits for the answer.
        case drop
        case unreachable
    }

    /// How a claim opens, by timing and rail.
    package enum Opening: Hashable, Sendable { case settled, settling, forwarding }

    package mutating func verified(_ outcome: VerifyOutcome) -> OnVerified {
        switch consume self.state {
        case .verifying(let timing, let local):
            switch outcome {
            case .valid:
                self = Self(.reserving(timing, settlesLocally: local, abandoned: false))
                return .reserve(Self.opening(timing, local))
            case .invalid(let reason, _):
                self = Self(.finished)
                return .refuse(reason)
            }
        case .finished:
            self = Self(.finished)
            return .drop
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    static func opening(_ timing: SettlementTiming, _ settlesLocally: Bool) -> Opening {
        switch timing {
        case .before: settlesLocally ? .settled : .settling
        case .after, .batch: .forwarding
        }
    }

    // MARK: Reserve

    package enum OnReserved: Hashable {
        case forward
        case settle(PaymentReference)
        /// Paid before and not delivered: forward once the body is shown to be the same.
        case checkBody(PaymentReference, BodyPrint)
        case refuseUsed
        /// More than the payer has, with what it promised before.
        case refuseOverdrawn
        case refuseInFlight
        /// Answered before under its id: the same again once the body is shown to be the same.
        case checkAnswer(BodyPrint)
        case refuseIdentifier(IdentifierRefusal)
        /// No offers with this one: the client must not sign a second payment.
        case answerPending(transaction: String?)
        case release(PaymentReference)
        /// Who is not trusted to pay afterwards cannot buy what is only known afterwards.
        case releaseAndRefuse(PaymentReference)
        case undeliver(PaymentReference)
        case drop
        case unreachable
    }

    /// What the ledger said of the claim; `isMetered` where less than it may be charged.
    package mutating func reserved(_ outcome: ReserveOutcome, isMetered: Bool = false) -> OnReserved {
        switch consume self.state {
        case .reserving(let timing, let local, let abandoned):
            switch outcome {
            case .granted(let reference) where isMetered:
                let next: State =
                    abandoned ? .finished : .forwarding(.metered(reference), settlesLocally: local, abandoned: false)
                self = Self(next)
                return abandoned ? .release(reference) : .forward
            case .settleFirst(let reference) where isMetered:
                self = Self(.finished)
                return abandoned ? .release(reference) : .releaseAndRefuse(reference)
            case .granted(let reference):
                self = Self(.finished)
                return granted(reference, timing: timing, settlesLocally: local, abandoned: abandoned)
            case .settleFirst(let reference):
                self = Self(.finished)
                return granted(reference, timing: .before, settlesLocally: false, abandoned: abandoned)
            case .overdrawn:
                self = Self(.finished)
                return abandoned ? .drop : .refuseOverdrawn
            case .redelivery(let reference, _, let body):
                self = Self(.finished)
                return granted(again: reference, body: body, settlesLocally: local, abandoned: abandoned)
            case .inFlight:
                self = Self(.finished)
                return abandoned ? .drop : .refuseInFlight
            case .pending(let transaction):
                self = Self(.finished)
                return abandoned ? .drop : .answerPending(transaction: transaction)
            case .used, .proofRequired:
                self = Self(.finished)
                return abandoned ? .drop : .refuseUsed
            case .answered(let answer):
                self = Self(abandoned ? .finished : .checkingAnswer)
                return abandoned ? .drop : .checkAnswer(answer.request)
            case .identifierRefused(let refusal):
                self = Self(.finished)
                return abandoned ? .drop : .refuseIdentifier(refusal)
            }
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    private mutating func granted(
        _ reference: PaymentReference, timing: SettlementTiming, settlesLocally: Bool, abandoned: Bool
    ) -> OnReserved {
        let opening = Self.opening(timing, settlesLocally)
        if abandoned {
            self = Self(.finished)
            return opening == .settled ? .undeliver(reference) : .release(reference)
        }
        switch opening {
        case .settled:
            self = Self(.forwarding(.paid(reference), settlesLocally: settlesLocally, abandoned: false))
            return .forward
        case .settling:
            self = Self(.settling(reference, abandoned: false))
            return .settle(reference)
        case .forwarding:
            // A rail without an outside effect has no use for a batch.
            let held: Held = timing == .batch && !settlesLocally ? .queued(reference) : .promised(reference)
            self = Self(.forwarding(held, settlesLocally: settlesLocally, abandoned: false))
            return .forward
        }
    }

    private mutating func granted(
        again reference: PaymentReference, body: BodyPrint?, settlesLocally: Bool, abandoned: Bool
    ) -> OnReserved {
        if abandoned {
            self = Self(.finished)
            return .undeliver(reference)
        }
        guard let body else {
            self = Self(.forwarding(.paid(reference), settlesLocally: settlesLocally, abandoned: false))
            return .forward
        }
        self = Self(.checkingBody(reference))
        return .checkBody(reference, body)
    }

    package enum OnBodyChecked: Hashable {
        case forward
        case refuse(PaymentReference)
        case answerAgain
        /// The id was used for another body.
        case refuseIdentifier
        case unreachable
    }

    package mutating func bodyChecked(matches: Bool) -> OnBodyChecked {
        switch consume self.state {
        case .checkingBody(let reference):
            if matches {
                self = Self(.forwarding(.paid(reference), settlesLocally: false, abandoned: false))
                return .forward
            }
            self = Self(.finished)
            return .refuse(reference)
        case .checkingAnswer:
            self = Self(.finished)
            return matches ? .answerAgain : .refuseIdentifier
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    // MARK: Settle

    package enum OnSettled: Hashable {
        /// Make the settlement durable before anything follows from it.
        case record(PaymentReference, transaction: String)
        case releaseAndRefuse(PaymentReference, ReasonCode)
        case releaseAndAnswerUnavailable(PaymentReference)
        case markUncertain(PaymentReference, transaction: String?)
        /// Served within the bounds of what may be served unpaid: written down, then the answer goes out.
        case recordUncertain(PaymentReference, transaction: String?)
        /// The same of a payment that has certainly not moved yet.
        case recordDeferred(PaymentReference)
        /// The upstream ran and the value will not move: the answer is withheld, and the payment opens nothing again.
        case forfeit(PaymentReference, ReasonCode)
        case unreachable
    }

    /// What the rail said; `mayOwe` where the claim was measured against what may be served unpaid.
    package mutating func settled(_ outcome: SettleOutcome, mayOwe: Bool = false) -> OnSettled {
        switch consume self.state {
        case .settling(let reference, let abandoned):
            switch outcome {
            case .settled(let transaction, _):
                self = Self(.recording(reference, abandoned: abandoned))
                return .record(reference, transaction: transaction)
            case .refused(let reason, _):
                self = Self(.finished)
                return .releaseAndRefuse(reference, reason)
            case .unavailable:
                self = Self(.finished)
                return .releaseAndAnswerUnavailable(reference)
            case .unknown(let transaction):
                self = Self(.finished)
                return .markUncertain(reference, transaction: transaction)
            }
        case .settlingAnswer(let reference, let abandoned):
            switch outcome {
            case .settled(let transaction, _):
                self = Self(.recordingAnswer(reference, abandoned: abandoned))
                return .record(reference, transaction: transaction)
            case .refused(let reason, _):
                self = Self(.finished)
                return .forfeit(reference, reason)
            case .unavailable where mayOwe:
                self = Self(.queueing(reference, leased: false, abandoned: abandoned))
                return .recordDeferred(reference)
            case .unknown(let transaction) where mayOwe:
                self = Self(.queueing(reference, leased: true, abandoned: abandoned))
                return .recordUncertain(reference, transaction: transaction)
            case .unavailable:
                self = Self(.finished)
                return .forfeit(reference, .unexpectedSettleError)
            case .unknown(let transaction):
                self = Self(.finished)
                return .markUncertain(reference, transaction: transaction)
            }
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    package enum OnRecorded: Hashable {
        case forward
        /// Ask the rail to settle; the mark is on disk.
        case settle(PaymentReference)
        case relayWithReceipt
        /// With the receipt of what is settled later.
        case relayQueued
        case relayWithGrant
        /// The client left before what it paid for could start.
        case undeliver(PaymentReference)
        case finish(delivered: PaymentReference?)
        case unreachable
    }

    /// The transition that was asked for last is durable.
    package mutating func recorded() -> OnRecorded {
        switch consume self.state {
        case .recording(let reference, let abandoned):
            if abandoned {
                self = Self(.finished)
                return .undeliver(reference)
            }
            self = Self(.forwarding(.paid(reference), settlesLocally: false, abandoned: false))
            return .forward
        case .marking(let reference, let abandoned):
            self = Self(.settlingAnswer(reference, abandoned: abandoned))
            return .settle(reference)
        case .recordingAnswer(let reference, let abandoned):
            if abandoned {
                self = Self(.finished)
                return .finish(delivered: reference)
            }
            self = Self(.relaying(.paid(reference)))
            return .relayWithReceipt
        case .queueing(let reference, let leased, let abandoned):
            if abandoned {
                self = Self(.finished)
                return .finish(delivered: leased ? reference : nil)
            }
            self = Self(.relaying(leased ? .paid(reference) : .queued(reference)))
            return .relayQueued
        case .undelivering(_, let answered):
            self = Self(answered ? .relaying(.free) : .finished)
            return .relayWithGrant
        case .finished:
            self = Self(.finished)
            return .finish(delivered: nil)
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    package enum OnRecordFailed: Hashable {
        /// Nothing was claimed: 503.
        case answerUnavailable
        /// The value moved, and the upstream has not been asked: keep it for the payer's return.
        case undeliver(PaymentReference)
        /// The answer that was not delivered is recorded later; its token goes out now.
        case answerWithGrant
        /// The value moved and the answer is in hand: it is delivered, and recorded later.
        case relayWithReceipt
        /// Claimed durably and the answer in hand: it is delivered, and written down later.
        case relayQueued
        case finish(delivered: PaymentReference?)
        /// The upstream ran, and the value will not be asked for: withheld, and opens nothing again.
        case forfeit(PaymentReference)
        case drop
        case unreachable
    }

    /// The ledger could not take the claim or the transition.
    package mutating func recordFailed() -> OnRecordFailed {
        switch consume self.state {
        case .reserving(_, _, let abandoned):
            self = Self(.finished)
            return abandoned ? .drop : .answerUnavailable
        case .recording(let reference, _):
            self = Self(.finished)
            return .undeliver(reference)
        case .marking(let reference, _):
            self = Self(.finished)
            return .forfeit(reference)
        case .recordingAnswer(let reference, let abandoned):
            if abandoned {
                self = Self(.finished)
                return .finish(delivered: reference)
            }
            self = Self(.relaying(.paid(reference)))
            return .relayWithReceipt
        case .queueing(let reference, let leased, let abandoned):
            if abandoned {
                self = Self(.finished)
                return .finish(delivered: leased ? reference : nil)
            }
            self = Self(.relaying(leased ? .paid(reference) : .queued(reference)))
            return .relayQueued
        case .undelivering:
            self = Self(.finished)
            return .answerWithGrant
        case .finished:
            self = Self(.finished)
            return .drop
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    /// The payment is not needed after all: the request starts anew, without it; false where it cannot.
    package mutating func spared() -> Bool {
        switch consume self.state {
        case .verifying:
            self = Self(.opened)
            return true
        case let other:
            self = Self(other)
            return false
        }
    }

    package enum OnVerifyFailed: Hashable { case answerUnavailable, drop, unreachable }

    /// The rail could not be asked to verify, or the upstream is down: nothing is claimed, the answer is 503.
    package mutating func verifyFailed() -> OnVerifyFailed {
        switch consume self.state {
        case .verifying:
            self = Self(.finished)
            return .answerUnavailable
        case .finished:
            self = Self(.finished)
            return .drop
        case let other:
            self = Self(other)
            return .unreachable
        }
    }
}
