package import Primitives

/// Counters of what is free: durable, and exact however many ask at once.
///
/// Each method is one atomic step, as in `PaymentLedger`. Counters whose window is over are removed in passing.
package protocol AllowanceLedger: Sendable {
    /// Takes from what is free, all or nothing.
    ///
    /// An amount of zero takes nothing and tells what is left.
    func claimAllowance(
        _ claim: AllowanceClaim, now: UnixTime,
        reply: @escaping @Sendable (Result<AllowanceOutcome, LedgerError>) -> Void)

    /// Corrects a claim by what it came to: less than nothing gives back.
    ///
    /// Nothing happens where the window of the claim is over.
    func correctAllowance(
        _ key: Bytes32, endsAt: UnixTime, by difference: Int64,
        reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void)
}

extension AllowanceLedger {
    /// Fails closed in a store that keeps no counters.
    package func claimAllowance(
        _ claim: AllowanceClaim, now: UnixTime,
        reply: @escaping @Sendable (Result<AllowanceOutcome, LedgerError>) -> Void
    ) {
        reply(.failure(LedgerError(.unavailable, "this store counts nothing that is free")))
    }

    package func correctAllowance(
        _ key: Bytes32, endsAt: UnixTime, by difference: Int64,
        reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void
    ) {
        reply(.failure(LedgerError(.unavailable, "this store counts nothing that is free")))
    }
}

/// Counters that a store keeps at most; beyond, a new one is refused: nothing is free for who is not known yet.
package enum AllowanceLimits {
    package static let maximumCounters = 1_000_000
}
