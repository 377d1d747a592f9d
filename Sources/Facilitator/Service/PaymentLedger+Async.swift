import Ledger
import Primitives

extension PaymentLedger {
    /// Claims, and waits for the answer.
    func claim(_ request: ReserveRequest) async throws(LedgerError) -> ReserveOutcome {
        let result = await withCheckedContinuation { continuation in
            reserve(request) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Makes one transition, and waits for the answer.
    func record(
        _ event: PaymentEvent, of reference: PaymentReference, now: UnixTime
    ) async throws(LedgerError) -> ApplyOutcome {
        let result = await withCheckedContinuation { continuation in
            apply(event, to: reference, now: now) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}
