import Synchronization

/// Runs what rails do over the network, away from the event loops.
///
/// One parent task for all of it: closing the desk lets running jobs end and refuses new ones.
package final class RailDesk: Sendable {
    package typealias Job = @Sendable () async -> Void

    /// Jobs that may run or wait at once; one more is refused, and its request answered 503.
    package let limit: Int

    private let jobs: AsyncStream<Job>
    private let entrance: AsyncStream<Job>.Continuation
    private let open = Atomic<Int>(0)

    package init(limit: Int = 4096) {
        self.limit = limit
        (jobs, entrance) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// Takes a job unless the desk is full or closed.
    package func submit(_ job: @escaping Job) -> Bool {
        guard open.add(1, ordering: .relaxed).newValue <= limit else {
            open.subtract(1, ordering: .relaxed)
            return false
        }
        guard case .enqueued = entrance.yield(job) else {
            open.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Runs jobs until the desk is closed and the last of them has ended.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                group.addTask {
                    await job()
                    self.open.subtract(1, ordering: .relaxed)
                }
            }
        }
    }

    /// Takes no further jobs.
    package func close() { entrance.finish() }
}
