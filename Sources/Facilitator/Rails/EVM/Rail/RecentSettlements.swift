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

    /// Takes the place of an earlier settlement of the same payment.
    func watch(_ settlement: Settlement) {
        state.withLock { list in
            list.removeAll { $0.identity == settlement.identity }
            list.append(settlement)
            if list.count > Self.capacity { list.removeFirst(Self.capacity / 10) }
        }
    }

    var all: [Settlement] { state.withLock { $0 } }

    /// Takes one out: it lies deep enough, or it was lost.
    func forget(_ settlement: Settlement) {
        state.withLock { list in list.removeAll { $0 == settlement } }
    }
}
