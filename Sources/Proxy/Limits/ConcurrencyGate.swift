import Synchronization
import Transport

/// Lets so many requests of a route run at once, over all loops; others wait in the order they came.
///
/// Where the queue is full the newcomer is turned away: who waits keeps its place. Entering and leaving while nobody waits
/// is one step on an atomic number; the queue and its lock are for when the route is full.
package final class ConcurrencyGate: Sendable {
    /// What came of asking to run.
    package enum EnterOutcome: Hashable, Sendable {
        case entered
        /// Waits; its `resume` is called when its turn has come, the slot being its own then.
        case queued(ticket: UInt64)
        case full
    }

    private struct Queue {
        var waiters: [UInt64: @Sendable () -> Void] = [:]
        var first: UInt64 = 0
        var next: UInt64 = 0

        /// The longest waiting one, removed.
        mutating func pop() -> (@Sendable () -> Void)? {
            while first < next {
                defer { first += 1 }
                if let waiter = waiters.removeValue(forKey: first) { return waiter }
            }
            return nil
        }
    }

    private let limit: Atomic<Int>
    private let running = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)
    private let queue = Mutex(Queue())

    package init(limit: Int) { self.limit = Atomic(limit) }

    /// Requests that run.
    package var runningCount: Int { running.load(ordering: .relaxed) }

    /// Requests that wait.
    package var waitingCount: Int { waiting.load(ordering: .relaxed) }

    /// Takes a new limit from a reloaded file; who runs runs on.
    package func adopt(limit: Int) {
        self.limit.store(limit, ordering: .sequentiallyConsistent)
        admitWaiters()
    }

    /// Runs at once, if a slot is free and nobody waits for it.
    @inline(__always)
    package func enterAtOnce() -> Bool {
        waiting.load(ordering: .sequentiallyConsistent) == 0 && takeSlot()
    }

    /// Runs at once, waits, or is turned away.
    ///
    /// - Parameter resume: Called from any thread, at most once, and never before this returns on the same thread.
    package func enter(maxQueued: Int, resume: @escaping @Sendable () -> Void) -> EnterOutcome {
        if enterAtOnce() { return .entered }
        return queue.withLock { queue -> EnterOutcome in
            // Announced before the slots are looked at again: whoever leaves looks in the other order.
            waiting.add(1, ordering: .sequentiallyConsistent)
            if queue.waiters.isEmpty, takeSlot() {
                waiting.subtract(1, ordering: .sequentiallyConsistent)
                return .entered
            }
            guard queue.waiters.count < maxQueued else {
                waiting.subtract(1, ordering: .sequentiallyConsistent)
                return .full
            }
            let ticket = queue.next
            queue.next += 1
            queue.waiters[ticket] = resume
            return .queued(ticket: ticket)
        }
    }

    /// Gives up waiting; false when the slot is the waiter's already, which must then `leave`.
    package func withdraw(_ ticket: UInt64) -> Bool {
        queue.withLock { queue in
            guard queue.waiters.removeValue(forKey: ticket) != nil else { return false }
            waiting.subtract(1, ordering: .sequentiallyConsistent)
            return true
        }
    }

    /// Ends a run; the longest waiting one is next.
    package func leave() {
        running.subtract(1, ordering: .sequentiallyConsistent)
        if waiting.load(ordering: .sequentiallyConsistent) > 0 { admitWaiters() }
    }

    private func takeSlot() -> Bool {
        var seen = running.load(ordering: .sequentiallyConsistent)
        while seen < limit.load(ordering: .relaxed) {
            let result = running.compareExchange(
                expected: seen, desired: seen + 1, ordering: .sequentiallyConsistent)
            if result.exchanged { return true }
            seen = result.original
        }
        return false
    }

    private func admitWaiters() {
        let admitted = queue.withLock { queue in
            var admitted: [@Sendable () -> Void] = []
            while !queue.waiters.isEmpty, takeSlot() {
                guard let waiter = queue.pop() else { break }
                waiting.subtract(1, ordering: .sequentiallyConsistent)
                admitted.append(waiter)
            }
            return admitted
        }
        for resume in admitted { resume() }
    }
}

/// The right to run, given back when it is let go of.
final class ConcurrencySlot {
    private let release: () -> Void

    init(of gate: ConcurrencyGate) { release = { gate.leave() } }

    init(of counts: ActiveCounts, key: UInt64) { release = { counts.leave(key) } }

    deinit { release() }
}

/// The gates of all routes by name, so that a new file finds those of the old.
final class GateBook: Sendable {
    private let gates = Mutex<[String: ConcurrencyGate]>([:])

    func gate(named route: String) -> ConcurrencyGate? { gates.withLock { $0[route] } }

    /// Gives each route that has a limit its gate.
    func attach(to routes: [PaywallRoute]) {
        gates.withLock { gates in
            for route in routes {
                guard let terms = route.limits.concurrency else { continue }
                let gate = gates[route.name] ?? ConcurrencyGate(limit: terms.maxConcurrent)
                gates[route.name] = gate
                gate.adopt(limit: terms.maxConcurrent)
                _ = route.gate.storeIfNil(gate)
            }
            // A route that is gone may come back; what still runs keeps its gate.
            let names = Set(routes.map(\.name))
            gates = gates.filter { names.contains($0.key) || $0.value.runningCount > 0 }
        }
    }
}
