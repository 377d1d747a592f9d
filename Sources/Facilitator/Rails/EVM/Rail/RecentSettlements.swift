import Ledger
import Primitives
import Synchronization

/// Settlements that a reorganised chain may still undo.
final class RecentSettlements: Sendable {
    struct Settlement: Hashable, Sendable {
        var identity: PaymentIdentity
        var transfer: TransferKey
        var transaction: Bytes32
        var blockNumber: UInt64
    }

    /// Blocks after which nobody looks any more: deeper than any reorganisation of the chains in the catalogue.
    static let watchedBlocks: UInt64 = 64
    /// Settlements kept at once; beyond it the oldest go.
    static let capacity = 20_000

    private let state = Mutex<[Settlement]>([])

    func watch(_ settlement: Settlement) {
        state.withLock { list in
            list.append(settlement)
            if list.count > Self.capacity { list.removeFirst(Self.capacity / 10) }
        }
    }

    var all: [Settlement] { state.withLock { $0 } }

    /// Forgets what lies deep enough, and what was disproved.
    func forget(below block: UInt64, _ disproved: Set<PaymentIdentity>) {
        state.withLock { list in
            list.removeAll { $0.blockNumber < block || disproved.contains($0.identity) }
        }
    }
}
