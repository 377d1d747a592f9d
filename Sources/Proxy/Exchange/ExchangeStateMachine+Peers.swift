package import Ledger

/// What the upstream and the client do.
extension ExchangeStateMachine {
    package enum OnUpstreamHead: Hashable {
        case relay
        case relayWithReceipt
        /// With the receipt of what is settled later.
        case relayQueued
        /// The upstream did not deliver what was promised: give the claim back, pass its answer on.
        case releaseAndRelay(PaymentReference)
        /// Paid and not delivered: the mark and the token first, then the upstream's answer.
        case recordUndelivered(PaymentReference)
        /// Settle before the head is released: mark it, or, on a local rail, record it at once.
        case recordSettle(PaymentReference)
        case recordSettledLocally(PaymentReference)
        /// Write down that it is served and not paid, before the head is released.
        case recordOwed(PaymentReference)
        case release(PaymentReference)
        case unreachable
    }

    /// The upstream's final head; `delivers` when its status is on the route's `charge_on`.
    package mutating func upstreamHead(delivers: Bool) -> OnUpstreamHead {
        switch consume self.state {
        case .forwarding(.free, _, _):
            self = Self(.relaying(.free))
            return .relay
        case .forwarding(.paid(let reference), _, _):
            if delivers {
                self = Self(.relaying(.paid(reference)))
                return .relayWithReceipt
            }
            self = Self(.undelivering(reference, answered: true))
            return .recordUndelivered(reference)
        case .forwarding(.promised(let reference), let local, let abandoned):
            if delivers {
                if local {
                    self = Self(.recordingAnswer(reference, abandoned: abandoned))
                    return .recordSettledLocally(reference)
                }
                self = Self(.marking(reference, abandoned: abandoned))
                return .recordSettle(reference)
            }
            if abandoned {
                self = Self(.finished)
                return .release(reference)
            }
            self = Self(.relaying(.free))
            return .releaseAndRelay(reference)
        case .forwarding(.queued(let reference), _, let abandoned):
            if delivers {
                self = Self(.queueing(reference, leased: false, abandoned: abandoned))
                return .recordOwed(reference)
            }
            self = Self(abandoned ? .finished : .relaying(.free))
            return abandoned ? .release(reference) : .releaseAndRelay(reference)
        case .forwarding(.metered(let reference), _, _):
            self = Self(.relaying(delivers ? .metered(reference) : .free))
            return delivers ? .relayQueued : .releaseAndRelay(reference)
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    package enum OnUpstreamFailed: Hashable {
        case answerGatewayError
        case releaseAndAnswerGatewayError(PaymentReference)
        case release(PaymentReference)
        /// 502 with a grant token, once the mark is durable.
        case recordUndelivered(PaymentReference)
        case abort
        case undeliverAndAbort(PaymentReference)
        case chargeAndAbort(PaymentReference)
        /// The head is in hand and the settlement under way: the body is lost, the settlement is not.
        case remember
        case ignore
        case unreachable
    }

    package mutating func upstreamFailed() -> OnUpstreamFailed {
        switch consume self.state {
        case .forwarding(.free, _, _):
            self = Self(.finished)
            return .answerGatewayError
        case .forwarding(.paid(let reference), _, _):
            self = Self(.undelivering(reference, answered: false))
            return .recordUndelivered(reference)
        case .forwarding(.promised(let reference), _, let abandoned):
            self = Self(.finished)
            return abandoned ? .release(reference) : .releaseAndAnswerGatewayError(reference)
        case .forwarding(.queued(let reference), _, let abandoned):
            self = Self(.finished)
            return abandoned ? .release(reference) : .releaseAndAnswerGatewayError(reference)
        case .forwarding(.metered(let reference), _, _):
            self = Self(.finished)
            return .releaseAndAnswerGatewayError(reference)
        case .relaying(.paid(let reference)):
            self = Self(.finished)
            return .undeliverAndAbort(reference)
        case .relaying(.metered(let reference)):
            self = Self(.finished)
            return .chargeAndAbort(reference)
        case .relaying(let held):
            _ = held
            self = Self(.finished)
            return .abort
        case .undelivering(let reference, let answered):
            self = Self(.undelivering(reference, answered: answered))
            return .remember
        case .marking(let reference, let abandoned):
            self = Self(.marking(reference, abandoned: abandoned))
            return .remember
        case .settlingAnswer(let reference, let abandoned):
            self = Self(.settlingAnswer(reference, abandoned: abandoned))
            return .remember
        case .recordingAnswer(let reference, let abandoned):
            self = Self(.recordingAnswer(reference, abandoned: abandoned))
            return .remember
        case .queueing(let reference, let leased, let abandoned):
            self = Self(.queueing(reference, leased: leased, abandoned: abandoned))
            return .remember
        case .finished:
            self = Self(.finished)
            return .ignore
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    package enum OnHeldAnswerBroken: Hashable {
        /// Paid, and nothing of the answer went out: 502 with a token, once the mark is durable.
        case recordUndelivered(PaymentReference)
        /// The token is recorded: 502 with it.
        case answerGatewayError
        case unreachable
    }

    /// An answer that was let go turns out to have broken off while it was held.
    package mutating func heldAnswerBroken() -> OnHeldAnswerBroken {
        switch consume self.state {
        case .relaying(.paid(let reference)):
            self = Self(.undelivering(reference, answered: false))
            return .recordUndelivered(reference)
        case .relaying(let held):
            _ = held
            self = Self(.finished)
            return .answerGatewayError
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    package enum OnResponseEnded: Hashable {
        case finish(delivered: PaymentReference?)
        case charge(PaymentReference)
        case unreachable
    }

    /// The whole answer went out.
    package mutating func responseEnded() -> OnResponseEnded {
        switch consume self.state {
        case .relaying(.paid(let reference)):
            self = Self(.finished)
            return .finish(delivered: reference)
        case .relaying(.metered(let reference)):
            self = Self(.finished)
            return .charge(reference)
        case .relaying:
            self = Self(.finished)
            return .finish(delivered: nil)
        case .finished:
            self = Self(.finished)
            return .finish(delivered: nil)
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    // MARK: Downstream

    package enum OnDownstreamClosed: Hashable {
        case drop
        /// The ledger or the rail owes an answer; it will find the exchange abandoned.
        case wait
        case cancelUpstream
        case cancelUpstreamAndDeliver(PaymentReference)
        case cancelUpstreamAndUndeliver(PaymentReference)
        case cancelUpstreamAndRelease(PaymentReference)
        case cancelUpstreamAndCharge(PaymentReference)
        case undeliver(PaymentReference)
    }

    /// The client is gone, or cut off by us; `requestComplete`: all of its body had been received.
    ///
    /// Under `after` a whole request that the upstream has is followed to the upstream's head: leaving early is no way to
    /// run it for nothing. Nor is leaving just before the end: in the middle of a paid answer a client has had it, unless
    /// it was cut off.
    package mutating func downstreamClosed(requestComplete: Bool, isCutOff: Bool = false) -> OnDownstreamClosed {
        switch consume self.state {
        case .opened:
            self = Self(.finished)
            return .drop
        case .verifying:
            self = Self(.finished)
            return .drop
        case .waiting:
            self = Self(.finished)
            return .drop
        case .checkingAnswer:
            self = Self(.finished)
            return .drop
        case .finished:
            self = Self(.finished)
            return .drop
        case .reserving(let timing, let local, _):
            self = Self(.reserving(timing, settlesLocally: local, abandoned: true))
            return .wait
        case .checkingBody(let reference):
            self = Self(.finished)
            return .undeliver(reference)
        case .settling(let reference, _):
            self = Self(.settling(reference, abandoned: true))
            return .wait
        case .recording(let reference, _):
            self = Self(.recording(reference, abandoned: true))
            return .wait
        case .forwarding(let held, let local, _):
            self = Self(.finished)
            return left(forwarding: held, settlesLocally: local, requestComplete: requestComplete)
        case .relaying(let held):
            self = Self(.finished)
            if case .metered(let reference) = held { return .cancelUpstreamAndCharge(reference) }
            guard case .paid(let reference) = held else { return .cancelUpstream }
            return isCutOff ? .cancelUpstreamAndUndeliver(reference) : .cancelUpstreamAndDeliver(reference)
        case .queueing(let reference, let leased, _):
            self = Self(.queueing(reference, leased: leased, abandoned: true))
            return .wait
        case .undelivering:
            self = Self(.finished)
            return .cancelUpstream
        case .marking(let reference, _):
            self = Self(.marking(reference, abandoned: true))
            return .wait
        case .settlingAnswer(let reference, _):
            self = Self(.settlingAnswer(reference, abandoned: true))
            return .wait
        case .recordingAnswer(let reference, _):
            self = Self(.recordingAnswer(reference, abandoned: true))
            return .wait
        }
    }

    private mutating func left(
        forwarding held: Held, settlesLocally: Bool, requestComplete: Bool
    ) -> OnDownstreamClosed {
        switch held {
        case .free: return .cancelUpstream
        case .paid(let reference): return .cancelUpstreamAndUndeliver(reference)
        // Nothing was sent, so that nothing is charged: the upstream is stopped.
        case .metered(let reference): return .cancelUpstreamAndRelease(reference)
        case .promised(let reference), .queued(let reference):
            guard requestComplete else { return .cancelUpstreamAndRelease(reference) }
            self = Self(.forwarding(held, settlesLocally: settlesLocally, abandoned: true))
            return .wait
        }
    }
}
