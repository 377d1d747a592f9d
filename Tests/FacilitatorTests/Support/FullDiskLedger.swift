import Ledger
import Primitives
import Synchronization
import X402

/// A ledger whose disk fills up and is emptied again: while it is full it can be read, and takes nothing.
final class FullDiskLedger: PaymentLedger {
    private let inner: MemoryLedger
    private let full = Mutex(false)

    init(_ inner: MemoryLedger) { self.inner = inner }

    func fill(_ isFull: Bool) { full.withLock { $0 = isFull } }

    func reserve(
        _ request: ReserveRequest, reply: @escaping @Sendable (Result<ReserveOutcome, LedgerError>) -> Void
    ) {
        inner.reserve(request, reply: reply)
    }

    func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime,
        reply: @escaping @Sendable (Result<ApplyOutcome, LedgerError>) -> Void
    ) {
        if full.withLock({ $0 }) { return reply(.failure(LedgerError(.full, "the disk is full"))) }
        inner.apply(event, to: reference, now: now, reply: reply)
    }

    func payment(_ identity: PaymentIdentity) async throws(LedgerError) -> PaymentRecord? {
        try await inner.payment(identity)
    }
    func payment(publicID: String) async throws(LedgerError) -> PaymentRecord? {
        try await inner.payment(publicID: publicID)
    }
    func payments(_ query: PaymentQuery) async throws(LedgerError) -> [PaymentRecord] {
        try await inner.payments(query)
    }
    func recover(now: UnixTime) async throws(LedgerError) -> [PaymentRecord] { try await inner.recover(now: now) }
    func health() async -> LedgerHealth { await inner.health() }
    func close() async { await inner.close() }
}
