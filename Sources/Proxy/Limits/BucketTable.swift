import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Token buckets by key, for all loops at once, in memory of a fixed size.
///
/// A bucket is the time at which it will be full again (GCRA, ITU-T I.371): a full one need not be kept, and nothing else is
/// ever forgotten. Taking a token of a known bucket is one exchange of a word; only a new key takes its group's lock. Where
/// all buckets of a group are in use, newcomers to it share one.
package final class BucketTable: Sendable {
    /// What came of asking for a token.
    package enum TakeOutcome: Hashable, Sendable {
        case taken
        /// Nanoseconds until there will be one.
        case refused(retryAfter: UInt64)
    }

    private let groupMask: UInt64
    private let words: Words

    /// Buckets of one group: their keys fill one cache line, their times the next.
    private static let ways = 8
    /// Words of one group: keys, times, and then the lock, the newcomers' time, the time of the last change of hands.
    private static let stride = 2 * ways + 3
    /// The time of a bucket that is just changing hands.
    private static let changing = UInt64.max

    /// The memory of the table; zeroed by the system when it is first touched.
    private struct Words: @unchecked Sendable {
        let start: UnsafeMutablePointer<Atomic<UInt64>>
    }

    /// - Parameter buckets: How many are kept apart, rounded up to a power of two.
    package init(buckets: Int) {
        precondition(buckets > 0, "a table has buckets")
        var groups = 1
        while groups * Self.ways < buckets { groups *= 2 }
        groupMask = UInt64(groups - 1)
        let count = groups * Self.stride
        guard let memory = calloc(count, MemoryLayout<Atomic<UInt64>>.stride) else {
            preconditionFailure("out of memory")
        }
        // An atomic word of zero is eight zero bytes.
        words = Words(start: memory.bindMemory(to: Atomic<UInt64>.self, capacity: count))
    }

    deinit { free(words.start) }

    /// Takes one token of the bucket with this key.
    ///
    /// - Parameters:
    ///   - key: Spread evenly by a hash that clients do not know; every key has one rate.
    ///   - now: Nanoseconds of a clock that never goes back.
    package func take(_ key: UInt64, _ rate: Rate, now: UInt64) -> TakeOutcome {
        let key = key == 0 ? 1 : key
        let group = words.start + Int(truncatingIfNeeded: key & groupMask) &* Self.stride
        while true {
            if let way = Self.find(key, in: group) {
                if let outcome = Self.advance(group, way, key, rate, now) { return outcome }
            } else if let outcome = Self.insert(key, in: group, rate, now) {
                return outcome
            }
        }
    }

    @inline(__always)
    private static func find(_ key: UInt64, in group: UnsafeMutablePointer<Atomic<UInt64>>) -> Int? {
        var way = 0
        while way < ways {
            if group[way].load(ordering: .relaxed) == key { return way }
            way &+= 1
        }
        return nil
    }

    /// Moves a bucket's time; nil where the bucket has changed hands.
    @inline(__always)
    private static func advance(
        _ group: UnsafeMutablePointer<Atomic<UInt64>>, _ way: Int, _ key: UInt64, _ rate: Rate, _ now: UInt64
    ) -> TakeOutcome? {
        var spins = 0
        while true {
            let fullAgain = group[ways &+ way].load(ordering: .acquiring)
            // Times only grow, so that one that is still the same belongs to the same key.
            guard group[way].load(ordering: .relaxed) == key else { return nil }
            if fullAgain == changing {
                wait(&spins)
                continue
            }
            let start = max(fullAgain, now)
            guard start &- now <= rate.tolerance else { return .refused(retryAfter: start &- now &- rate.tolerance) }
            if exchange(group + (ways &+ way), fullAgain, start &+ rate.interval) { return .taken }
        }
    }

    /// Gives the key a bucket of its own, or a token of the newcomers'; nil where it has one by now.
    private static func insert(
        _ key: UInt64, in group: UnsafeMutablePointer<Atomic<UInt64>>, _ rate: Rate, _ now: UInt64
    ) -> TakeOutcome? {
        let lock = group + (2 &* ways)
        var spins = 0
        while !exchange(lock, 0, 1) { wait(&spins) }
        defer { lock.pointee.store(0, ordering: .releasing) }
        guard find(key, in: group) == nil else { return nil }
        let newcomers = lock + 1
        let lastChange = lock + 2
        // A thread may come late with its time; a bucket was given away meanwhile because it was full at a later one.
        let now = max(now, lastChange.pointee.load(ordering: .relaxed))
        // A newcomer may have had tokens of those that newcomers share.
        let start = max(now, newcomers.pointee.load(ordering: .relaxed))
        guard start &- now <= rate.tolerance else { return .refused(retryAfter: start &- now &- rate.tolerance) }
        for way in 0..<ways {
            let fullAgain = group[ways &+ way].load(ordering: .relaxed)
            // Whoever takes a token at this moment keeps the bucket.
            guard fullAgain <= now, exchange(group + (ways &+ way), fullAgain, changing) else { continue }
            lastChange.pointee.store(now, ordering: .relaxed)
            group[way].store(key, ordering: .relaxed)
            group[ways &+ way].store(start &+ rate.interval, ordering: .releasing)
            return .taken
        }
        newcomers.pointee.store(start &+ rate.interval, ordering: .relaxed)
        return .taken
    }

    @inline(__always)
    private static func exchange(
        _ word: UnsafeMutablePointer<Atomic<UInt64>>, _ expected: UInt64, _ desired: UInt64
    ) -> Bool {
        word.pointee.compareExchange(
            expected: expected, desired: desired, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Waits for another thread's few instructions; the thread may have been put to sleep in the middle of them.
    private static func wait(_ spins: inout Int) {
        spins &+= 1
        if spins > 64 { sched_yield() }
    }
}
