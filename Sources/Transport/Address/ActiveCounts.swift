import Synchronization

/// How many things of each of many owners are open at the same time, over all loops.
///
/// Bounded by what is open: an owner without any is forgotten.
package final class ActiveCounts: Sendable {
    private final class Shard: Sendable {
        let counts = Mutex<[UInt64: Int]>([:])
    }

    /// Owners are spread, so that loops seldom meet at a lock.
    private let shards: [Shard]

    package init() { shards = (0..<16).map { _ in Shard() } }

    /// Counts one in, unless the owner has `limit` of them.
    package func enter(_ key: UInt64, limit: Int) -> Bool {
        shards[Self.shard(key)].counts.withLock { counts in
            let count = counts[key] ?? 0
            guard count < limit else { return false }
            counts[key] = count + 1
            return true
        }
    }

    package func leave(_ key: UInt64) {
        shards[Self.shard(key)].counts.withLock { counts in
            guard let count = counts[key] else { return }
            counts[key] = count > 1 ? count - 1 : nil
        }
    }

    /// Owners that have anything open.
    package var ownerCount: Int {
        shards.reduce(0) { $0 + $1.counts.withLock(\.count) }
    }

    private static func shard(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key >> 60) }
}
