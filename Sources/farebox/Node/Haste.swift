import Synchronization

/// A wish, made from outside once, that a process should not wait any longer.
final class Haste: Sendable {
    private struct State {
        var isWanted = false
        var waiting: [AsyncStream<Never>.Continuation] = []
    }

    private let state = Mutex(State())

    var isWanted: Bool { state.withLock { $0.isWanted } }

    /// Makes the wish.
    func want() {
        let waiting = state.withLock { state in
            state.isWanted = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for each in waiting { each.finish() }
    }

    /// Returns when the wish has been made, or the task is cancelled.
    func wanted() async {
        let (wish, continuation) = AsyncStream.makeStream(of: Never.self)
        let isWanted = state.withLock { state in
            if !state.isWanted { state.waiting.append(continuation) }
            return state.isWanted
        }
        if isWanted { return }
        for await _ in wish {}
    }

    /// Sleeps, unless there is no time for that.
    func sleep(for duration: Duration) async {
        guard duration > .zero, !isWanted else { return }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await Task.sleep(for: duration) }
            tasks.addTask { await self.wanted() }
            await tasks.next()
            tasks.cancelAll()
        }
    }
}
