import Foundation
import Ledger

/// The one thread that writes: what is queued while it commits shares its next transaction.
///
/// Steps run, and are answered, in the order in which they were submitted; answers follow the commit. Safe from any thread.
final class LedgerWriter: @unchecked Sendable {
    // Guarded by `condition`.
    private let condition = NSCondition()
    private var queue: [LedgerJob] = []
    private var queuedClaims = 0
    /// Steps in the queue that cannot wait.
    private var urgent = 0
    private var isIdle = false
    private var isClosing = false
    private var hasEnded = false
    private var whenEnded: [@Sendable () -> Void] = []
    private var lastError: LedgerError?
    private var counted = SQLiteLedgerCounts()

    // Used on the thread only, and released by it.
    private(set) var connection: LedgerConnection?
    private var table: PaymentTable?
    private var file: LedgerFile?

    private let options: SQLiteLedgerOptions

    /// Opens the file and starts the thread, which ends with `close`.
    ///
    /// The file's lock is held until the thread has ended.
    init(file: LedgerFile, options: SQLiteLedgerOptions) throws(LedgerError) {
        self.options = options
        self.file = file
        let connection = try LedgerConnection(path: file.path, options: options)
        self.connection = connection
        table = try PaymentTable(
            connection: connection.handle, maximumIdentifiers: options.maximumIdentifiers)
        let thread = Thread { self.main() }
        thread.name = "ledger"
        thread.start()
    }

    var counts: SQLiteLedgerCounts { condition.withLock { counted } }

    /// The error of the last transaction, nil if it was committed.
    var failure: LedgerError? { condition.withLock { hasEnded || isClosing ? .isClosed : lastError } }

    func submit(claim job: ReserveJob) {
        let refusal = condition.withLock { () -> LedgerError? in
            guard queuedClaims < options.maximumQueuedClaims else {
                return LedgerError(.busy, "too many claims wait for the ledger")
            }
            guard enqueue(job) else { return .isClosed }
            queuedClaims += 1
            return nil
        }
        if let refusal { job.fail(refusal) }
    }

    func submit(_ job: LedgerJob) {
        let isAccepted = condition.withLock { enqueue(job) }
        if !isAccepted { job.fail(.isClosed) }
    }

    /// Runs a step in a transaction, after all that was submitted before.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (PaymentTable) throws(LedgerError) -> Value
    ) async throws(LedgerError) -> Value {
        let result: Result<Value, LedgerError> = await withCheckedContinuation { continuation in
            submit(TableJob(body) { continuation.resume(returning: $0) })
        }
        return try result.get()
    }

    /// Takes no more steps; calls back when those that were submitted are answered and the file is closed.
    func close(_ whenDone: @escaping @Sendable () -> Void = {}) {
        let isDone = condition.withLock {
            isClosing = true
            condition.signal()
            if !hasEnded { whenEnded.append(whenDone) }
            return hasEnded
        }
        if isDone { whenDone() }
    }

    private func enqueue(_ job: LedgerJob) -> Bool {
        guard !isClosing else { return false }
        let wakes = isIdle && (queue.isEmpty || !job.canWait)
        queue.append(job)
        if !job.canWait { urgent += 1 }
        if wakes {
            isIdle = false
            condition.signal()
        }
        return true
    }
}

// MARK: - The thread

extension LedgerWriter {
    private func main() {
        var group: [LedgerJob] = []
        while takeGroup(&group) {
            var start = group.startIndex
            while start < group.endIndex {
                let end = min(start + options.maximumGroup, group.endIndex)
                write(group[start..<end])
                start = end
            }
        }
        table = nil
        connection = nil
        file = nil
        let callbacks = condition.withLock {
            hasEnded = true
            defer { whenEnded = [] }
            return whenEnded
        }
        for callback in callbacks { callback() }
    }

    /// Swaps the queue for the group, whose storage serves again; false when all is done.
    ///
    /// Steps that come side by side are given a moment to come together.
    private func takeGroup(_ group: inout [LedgerJob]) -> Bool {
        let cameTogether = group.count > 1
        group.removeAll(keepingCapacity: true)
        condition.lock()
        defer { condition.unlock() }
        guard waitForSteps() else { return false }
        if cameTogether, options.gatherMicroseconds > 0, !isClosing {
            condition.unlock()
            usleep(options.gatherMicroseconds)
            condition.lock()
        }
        swap(&queue, &group)
        queuedClaims = 0
        urgent = 0
        return true
    }

    /// Waits, with the lock held, until there is a step to do; false when all is done.
    private func waitForSteps() -> Bool {
        while urgent == 0, !isClosing {
            isIdle = true
            if queue.isEmpty {
                condition.wait()
            } else {
                let patience = Date(timeIntervalSinceNow: Double(options.patienceMilliseconds) / 1000)
                if !condition.wait(until: patience) { break }
            }
        }
        isIdle = false
        return !queue.isEmpty
    }

    private func write(_ group: ArraySlice<LedgerJob>) {
        guard let connection, let table else { return }
        do {
            try connection.transaction { () throws(LedgerError) in
                for job in group { try job.run(on: table) }
            }
        } catch {
            table.forget()
            if error.code == .corrupt, group.count > 1 {
                // One damaged row must not fail the steps that happen to share its transaction.
                for index in group.indices { write(group[index...index]) }
                return
            }
            condition.withLock { lastError = error }
            for job in group { job.fail(error) }
            return
        }
        table.keep()
        condition.withLock {
            lastError = nil
            counted.commits += 1
            counted.steps += group.count
            counted.largestGroup = max(counted.largestGroup, group.count)
        }
        for job in group { job.answer() }
        if connection.checkpointIfDue() { condition.withLock { counted.checkpoints += 1 } }
    }
}

/// What the writer has done since it started.
package struct SQLiteLedgerCounts: Hashable, Sendable {
    /// Transactions that were committed.
    package var commits = 0
    /// Steps in them.
    package var steps = 0
    /// Most steps in one transaction.
    package var largestGroup = 0
    package var checkpoints = 0
}
