package import Primitives

extension PaymentEntry {
    /// The entry after an event, nil where it is refused.
    ///
    /// Beside the states (`PaymentState.after`) an expiry needs its time to have come: a validity ends *at* `validBefore`
    /// (EIP-3009: `now < validBefore`).
    package func after(_ event: PaymentEvent, now: UnixTime) -> PaymentEntry? {
        guard let state = record.state.after(event) else { return nil }
        var next = self
        switch event {
        case .settle: break
        case .charged(let amount):
            guard amount != .zero, amount <= record.claim.amount else { return nil }
            next.record.charge = amount == record.claim.amount ? nil : amount
        case .owed: next.record.reason = record.state.value == .reserved ? record.reason : Self.failedSettlement
        case .deferred: next.record.reason = nil
        case .sent(let transaction): next.record.transaction = transaction
        case .settled(let transaction, let forwardingUntil):
            next.record.transaction = transaction
            next.record.reason = nil
            if state.service == .forwarding { next.record.leaseUntil = forwardingUntil ?? record.leaseUntil }
            next.waitingSince = now
        case .released(let reason), .writtenOff(let reason): next.record.reason = reason
        case .uncertain(let transaction): next.record.transaction = transaction ?? record.transaction
        case .delivered:
            // What the paywall never forwarded was not delivered; a seller serves by itself.
            if record.state.service == .unused, case .paywall = record.claim.owner { return nil }
        case .undelivered(let grant, let client, let body):
            next.grant = grant ?? self.grant
            next.client = client ?? self.client
            next.record.body = body ?? record.body
            next.waitingSince = now
        case .expired:
            guard let validBefore = record.claim.validBefore, now >= validBefore else { return nil }
        case .renewed(let until): next.record.leaseUntil = until
        }
        next.enter(state, now: now)
        return next
    }

    /// The entry as a restart leaves it, nil where the crash left nothing open.
    ///
    /// | value | service | becomes |
    /// |---|---|---|
    /// | reserved | unused | released, unused: the mark before the first effect was never made |
    /// | reserved | forwarding | owed, delivered: the answer may have gone out |
    /// | settling | – | uncertain |
    /// | any | forwarding | undelivered under `before`, delivered under `after` and `batch` |
    package func recovered(now: UnixTime) -> PaymentEntry? {
        var state = record.state
        var next = self
        switch (state.value, state.service) {
        case (.reserved, .unused):
            state.value = .released
            next.record.reason = Self.interrupted
        case (.reserved, .forwarding): state = PaymentState(value: .owed, service: .delivered)
        case (.settling, _): state.value = .uncertain
        default: break
        }
        if state.service == .forwarding {
            state.service = record.claim.timing == .before ? .undelivered : .delivered
            next.waitingSince = now
        }
        guard state != record.state else { return nil }
        next.enter(state, now: now)
        return next
    }

    /// Whether a rail has to say what became of the value.
    package var needsRail: Bool { record.state.value == .uncertain || record.state.value == .owed }

    /// The reason of a claim that a crash cut off before anything was sent.
    private static let interrupted = "interrupted"
    /// The reason of what is owed because its settlement failed: a debt of the payer's.
    static let failedSettlement = "settlement failed"

    private mutating func enter(_ state: PaymentState, now: UnixTime) {
        record.state = state
        record.updatedAt = now
        if state.service != .forwarding { record.leaseUntil = nil }
        // What is settled may be taken back by a reorganised chain, and then has to be settled again.
        if state.value.isTerminal, state.value != .settled { record.claim.settlement = nil }
    }
}
