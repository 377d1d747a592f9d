import Ledger
import Primitives

/// Credits and what is free, as the ledger inside keeps them.
extension ScriptedLedger {
    func draw(_ request: DrawRequest, reply: @escaping @Sendable (Result<DrawOutcome, LedgerError>) -> Void) {
        inner.draw(request, reply: reply)
    }

    func holdBytes(
        _ bytes: UInt64?, for draw: DrawReference, reply: @escaping @Sendable (Result<UInt64?, LedgerError>) -> Void
    ) {
        inner.holdBytes(bytes, for: draw, reply: reply)
    }

    func end(
        _ draw: DrawReference, _ end: DrawEnd, now: UnixTime,
        reply: @escaping @Sendable (Result<CreditLeft, LedgerError>) -> Void
    ) {
        inner.end(draw, end, now: now, reply: reply)
    }

    func credit(_ identity: PaymentIdentity) async throws(LedgerError) -> Credit? { try await inner.credit(identity) }

    func credits(_ query: CreditQuery) async throws(LedgerError) -> [Credit] { try await inner.credits(query) }

    func claimAllowance(
        _ claim: AllowanceClaim, now: UnixTime,
        reply: @escaping @Sendable (Result<AllowanceOutcome, LedgerError>) -> Void
    ) {
        inner.claimAllowance(claim, now: now, reply: reply)
    }

    func correctAllowance(
        _ key: Bytes32, endsAt: UnixTime, by difference: Int64,
        reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void
    ) {
        inner.correctAllowance(key, endsAt: endsAt, by: difference, reply: reply)
    }
}
