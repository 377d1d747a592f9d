import Foundation
import Synchronization
import Testing
import Transport

@testable import Proxy

@Suite("What runs at once")
struct ConcurrencyGateTests {
    /// Names in the order of their turns.
    private final class Turns: Sendable {
        private let names = Mutex<[String]>([])

        func note(_ name: String) -> @Sendable () -> Void {
            { [self] in names.withLock { $0.append(name) } }
        }

        var all: [String] { names.withLock { $0 } }
    }

    private func enter(_ gate: ConcurrencyGate, _ turns: Turns, _ name: String, queue: Int = 2)
        -> ConcurrencyGate.EnterOutcome
    {
        gate.enter(maxQueued: queue, resume: turns.note(name))
    }

    @Test("so many run, so many wait, the newcomer is turned away; turns come in the order of arrival")
    func order() {
        let gate = ConcurrencyGate(limit: 1)
        let turns = Turns()
        #expect(enter(gate, turns, "a") == .entered)
        #expect(enter(gate, turns, "b") == .queued(ticket: 0))
        #expect(enter(gate, turns, "c") == .queued(ticket: 1))
        #expect(enter(gate, turns, "d") == .full)
        #expect(turns.all.isEmpty)
        gate.leave()
        #expect(turns.all == ["b"])
        // A free place in the queue is taken, the slot is not: it is b's.
        #expect(enter(gate, turns, "e") == .queued(ticket: 2))
        gate.leave()
        gate.leave()
        #expect(turns.all == ["b", "c", "e"])
        gate.leave()
        #expect(gate.runningCount == 0 && gate.waitingCount == 0)
        #expect(gate.enterAtOnce())
    }

    @Test("who withdraws is passed over, and cannot withdraw from a slot that it has been given")
    func withdrawal() {
        let gate = ConcurrencyGate(limit: 1)
        let turns = Turns()
        _ = enter(gate, turns, "a")
        #expect(enter(gate, turns, "b") == .queued(ticket: 0))
        #expect(enter(gate, turns, "c") == .queued(ticket: 1))
        #expect(gate.withdraw(0))
        #expect(!gate.withdraw(0))
        gate.leave()
        #expect(turns.all == ["c"])
        #expect(!gate.withdraw(1))
        gate.leave()
        #expect(gate.runningCount == 0)
    }

    @Test("without a queue the newcomer is turned away at once")
    func noQueue() {
        let gate = ConcurrencyGate(limit: 1)
        let turns = Turns()
        #expect(enter(gate, turns, "a", queue: 0) == .entered)
        #expect(enter(gate, turns, "b", queue: 0) == .full)
    }

    @Test("a reload that allows more lets the waiting in, one that allows less lets the running end")
    func reload() {
        let gate = ConcurrencyGate(limit: 1)
        let turns = Turns()
        _ = enter(gate, turns, "a")
        _ = enter(gate, turns, "b")
        _ = enter(gate, turns, "c")
        gate.adopt(limit: 3)
        #expect(turns.all == ["b", "c"])
        gate.adopt(limit: 1)
        gate.leave()
        #expect(enter(gate, turns, "d") == .queued(ticket: 2))
        gate.leave()
        gate.leave()
        #expect(turns.all == ["b", "c", "d"])
    }

    @Test("many threads: never more than the limit, nobody forgotten, nothing left over")
    func threads() {
        let gate = ConcurrencyGate(limit: 3)
        let running = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let served = Atomic<Int>(0)
        let run: @Sendable () -> Void = {
            most.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
            running.subtract(1, ordering: .relaxed)
            served.add(1, ordering: .relaxed)
        }
        let rounds = 5000
        let handedOver = DispatchQueue(label: "turns", attributes: .concurrent)
        let group = DispatchGroup()
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<rounds {
                group.enter()
                let turn: @Sendable () -> Void = {
                    handedOver.async {
                        run()
                        gate.leave()
                        group.leave()
                    }
                }
                if gate.enter(maxQueued: .max, resume: turn) == .entered {
                    run()
                    gate.leave()
                    group.leave()
                }
            }
        }
        group.wait()
        #expect(served.load(ordering: .relaxed) == 4 * rounds)
        #expect(most.load(ordering: .relaxed) <= 3)
        #expect(gate.runningCount == 0 && gate.waitingCount == 0)
    }

    @Test("counts of owners are bounded each, and forgotten when nothing is open")
    func owners() {
        let counts = ActiveCounts()
        #expect(counts.enter(1, limit: 2) && counts.enter(1, limit: 2) && !counts.enter(1, limit: 2))
        #expect(counts.enter(2, limit: 2))
        #expect(counts.ownerCount == 2)
        counts.leave(1)
        #expect(counts.enter(1, limit: 2))
        for key in [UInt64(1), 1, 2, 2] { counts.leave(key) }
        #expect(counts.ownerCount == 0)
    }
}
