package import Primitives
import Synchronization

/// What is free, and what settled payments still open.
extension MemoryLedger {
    package func claimAllowance(
        _ claim: AllowanceClaim, now: UnixTime,
        reply: @escaping @Sendable (Result<AllowanceOutcome, LedgerError>) -> Void
    ) {
        submit(reply) { state in
            let existing = state.allowances[claim.key]
            if existing == nil, state.allowances.count >= AllowanceLimits.maximumCounters {
                state.allowances = state.allowances.filter { now < $0.value.endsAt }
                guard state.allowances.count < AllowanceLimits.maximumCounters else {
                    return AllowanceOutcome(isGranted: false, left: 0, endsAt: claim.window.end(at: now))
                }
            }
            let decision = Allowance.decide(claim, over: existing, now: now)
            if let write = decision.write { state.allowances[claim.key] = write }
            return decision.outcome
        }
    }

    package func correctAllowance(
        _ key: Bytes32, endsAt: UnixTime, by difference: Int64,
        reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void
    ) {
        submit(reply) { state in
            guard let existing = state.allowances[key], existing.endsAt == endsAt else { return }
            state.allowances[key] = existing.corrected(by: difference)
        }
    }

    package func draw(_ request: DrawRequest, reply: @escaping @Sendable (Result<DrawOutcome, LedgerError>) -> Void) {
        submit(reply) { state in
            let (rows, entries) = (state.rows, state.entries)
            return state.credits.draw(request, books: &state.books) { rows[$0].map { entries[$0].record.state } }
        }
    }

    package func holdBytes(
        _ bytes: UInt64?, for draw: DrawReference, reply: @escaping @Sendable (Result<UInt64?, LedgerError>) -> Void
    ) {
        submit(reply) { $0.credits.hold(bytes, for: draw) }
    }

    package func end(
        _ draw: DrawReference, _ end: DrawEnd, now: UnixTime,
        reply: @escaping @Sendable (Result<CreditLeft, LedgerError>) -> Void
    ) {
        submit(reply) { $0.credits.end(draw, end, now: now, books: &$0.books) }
    }

    package func credit(_ identity: PaymentIdentity) async throws(LedgerError) -> Credit? {
        state.withLock { $0.credits[identity] }
    }

    package func credits(_ query: CreditQuery) async throws(LedgerError) -> [Credit] {
        state.withLock { Array($0.credits.all.lazy.filter(query.matches).prefix(max(query.limit, 0))) }
    }

    package func refundCredit(
        publicID: String, now: UnixTime
    ) async throws(LedgerError) -> (credit: Credit, amount: UInt256)? {
        let result = state.withLock { state -> Result<(credit: Credit, amount: UInt256)?, LedgerError> in
            if state.isClosed { return .failure(.isClosed) }
            guard let index = state.publicIDs[publicID] else { return .success(nil) }
            let identity = state.entries[index].record.reference.identity
            return .success(state.credits.refund(identity, now: now, books: &state.books))
        }
        return try result.get()
    }

    /// One step under the lock; its reply goes out in the order of steps.
    func submit<Value: Sendable>(
        _ reply: @escaping @Sendable (Result<Value, LedgerError>) -> Void, _ body: (inout State) -> Value
    ) {
        state.withLock { state in
            let result: Result<Value, LedgerError> = state.isClosed ? .failure(.isClosed) : .success(body(&state))
            state.outbox.append { reply(result) }
        }
        drain()
    }
}
