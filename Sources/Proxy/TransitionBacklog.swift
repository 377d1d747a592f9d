package import Ledger
package import Primitives
import Synchronization

/// Transitions that the ledger could not take, kept in memory until it can.
///
/// After a crash the marks on disk decide instead. A release is never kept: by the time it is repeated the payment may have
/// been claimed anew, and a value is released only on proof. Neither is a mark that nothing followed.
package final class TransitionBacklog: Sendable {
    private struct Entry {
        var event: PaymentEvent
        var reference: PaymentReference
    }

    /// Transitions that are kept at most; further ones are left to the next recovery.
    package let limit: Int

    private let entries = Mutex<[Entry]>([])
    private let waiting = Atomic<Int>(0)

    package init(limit: Int = 65_536) { self.limit = limit }

    /// How many transitions wait.
    package var count: Int { waiting.load(ordering: .relaxed) }

    /// Keeps a transition that failed, if it may be repeated.
    func keep(_ event: PaymentEvent, of reference: PaymentReference) {
        guard event.mayBeRepeated else { return }
        entries.withLock { entries in
            guard entries.count < limit else { return }
            entries.append(Entry(event: event, reference: reference))
            waiting.store(entries.count, ordering: .relaxed)
        }
    }

    /// Keeps a transition if an earlier one of the same payment waits; costs nothing while none does.
    func keepsInOrder(_ event: PaymentEvent, of reference: PaymentReference) -> Bool {
        guard count > 0, event.mayBeRepeated else { return false }
        let hasEarlier = entries.withLock { $0.contains { $0.reference == reference } }
        if hasEarlier { keep(event, of: reference) }
        return hasEarlier
    }

    /// Repeats what is kept, in order, until the ledger fails again.
    package func repeatAll(in ledger: any PaymentLedger, now: UnixTime) async {
        while let entry = entries.withLock({ $0.first }) {
            let result = await withCheckedContinuation { continuation in
                ledger.apply(entry.event, to: entry.reference, now: now) { continuation.resume(returning: $0) }
            }
            if case .failure = result { return }
            entries.withLock { entries in
                entries.removeFirst()
                waiting.store(entries.count, ordering: .relaxed)
            }
        }
    }
}

extension PaymentEvent {
    /// Whether the event is true whenever it is written.
    fileprivate var mayBeRepeated: Bool {
        switch self {
        case .charged, .settled, .uncertain, .delivered, .undelivered, .owed, .deferred, .writtenOff: true
        case .settle, .sent, .released, .expired, .renewed: false
        }
    }
}
