import Ledger
import Primitives
import X402

/// A ledger whose disk is gone.
struct ThrowingLedger: PaymentLedger {
    private let failure = LedgerError(.readOnly, "the disk is gone")

    func reserve(
        _ request: ReserveRequest, reply: @escaping @Sendable (Result<ReserveOutcome, LedgerError>) -> Void
    ) {
        reply(.failure(failure))
    }

    func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime,
        reply: @escaping @Sendable (Result<ApplyOutcome, LedgerError>) -> Void
    ) {
        reply(.failure(failure))
    }

    func payment(_ identity: PaymentIdentity) async throws(LedgerError) -> PaymentRecord? { throw failure }
    func payment(publicID: String) async throws(LedgerError) -> PaymentRecord? { throw failure }
    func payments(_ query: PaymentQuery) async throws(LedgerError) -> [PaymentRecord] { throw failure }
    func recover(now: UnixTime) async throws(LedgerError) -> [PaymentRecord] { throw failure }
    func health() async -> LedgerHealth { .failing(failure) }
    func close() async {}
}
