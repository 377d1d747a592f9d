package import NIOCore
import Synchronization

/// One upstream server as all event loops of a process know it.
package final class UpstreamServer: Sendable {
    /// Whether there is anything to be minded; while not, a request costs one load.
    private let hasConcern: Atomic<Bool>
    private let condition: Mutex<ServerCondition>
    private let isBeingTested = Atomic<Bool>(false)

    /// - Parameter addedAt: When it joined servers that were there before, nil for one of the first.
    package init(addedAt time: NIODeadline? = nil) {
        let condition = ServerCondition(addedAt: time)
        hasConcern = Atomic(!condition.isPlain)
        self.condition = Mutex(condition)
    }

    @inline(__always)
    var isPlain: Bool { !hasConcern.load(ordering: .relaxed) }

    /// Whether a test may begin, of which there is one at a time; it must be ended then.
    func beginTest() -> Bool { !isBeingTested.exchange(true, ordering: .relaxed) }

    func endTest() { isBeingTested.store(false, ordering: .relaxed) }

    /// What is known of it.
    var present: ServerCondition { condition.withLock { $0 } }

    /// Runs a change; the flag follows it under the lock, so that no later change is hidden by an earlier one.
    @discardableResult
    func change<R>(_ body: (inout ServerCondition) -> R) -> R {
        condition.withLock { condition in
            let result = body(&condition)
            hasConcern.store(!condition.isPlain, ordering: .relaxed)
            return result
        }
    }
}
