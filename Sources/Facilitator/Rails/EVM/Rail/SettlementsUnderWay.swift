import Ledger
import Synchronization

/// Payments that somebody in this process is settling, or asking about.
///
/// A second one beside it would send a second transaction, and take its failure for the payment's.
final class SettlementsUnderWay: Sendable {
    private let counts = Mutex<[PaymentIdentity: Int]>([:])

    func enter(_ identity: PaymentIdentity) {
        counts.withLock { $0[identity, default: 0] += 1 }
    }

    /// Enters where nobody else is; false where somebody is.
    func enterAlone(_ identity: PaymentIdentity) -> Bool {
        counts.withLock { counts in
            guard counts[identity] == nil else { return false }
            counts[identity] = 1
            return true
        }
    }

    func leave(_ identity: PaymentIdentity) {
        counts.withLock { counts in
            guard let count = counts[identity] else { return }
            counts[identity] = count > 1 ? count - 1 : nil
        }
    }
}
