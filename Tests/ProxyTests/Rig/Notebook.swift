import Synchronization

/// A list that many threads write and a test waits on.
final class Notebook<Entry: Sendable>: Sendable {
    private struct Watcher {
        let id: Int
        let isMet: @Sendable ([Entry]) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var entries: [Entry] = []
        var watchers: [Watcher] = []
        var nextID = 0
    }

    private let state = Mutex(State())

    var entries: [Entry] { state.withLock { $0.entries } }
    var count: Int { entries.count }

    func note(_ entry: Entry) {
        let met = state.withLock { state in
            state.entries.append(entry)
            let entries = state.entries
            let met = state.watchers.filter { $0.isMet(entries) }
            state.watchers.removeAll { $0.isMet(entries) }
            return met
        }
        for watcher in met { watcher.continuation.resume() }
    }

    /// Returns once there are that many entries.
    func reaches(_ count: Int) async {
        await wait { $0.count >= count }
    }

    /// Returns the first entry that fits, once there is one.
    func first(where fits: @escaping @Sendable (Entry) -> Bool) async -> Entry? {
        await wait { $0.contains(where: fits) }
        return entries.first(where: fits)
    }

    /// A test that runs out of time is cancelled, and waits no longer.
    func wait(until isMet: @escaping @Sendable ([Entry]) -> Bool) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if Task.isCancelled || isMet(state.entries) { return true }
                    state.watchers.append(Watcher(id: id, isMet: isMet, continuation: continuation))
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            let cancelled = state.withLock { state in
                let found = state.watchers.filter { $0.id == id }
                state.watchers.removeAll { $0.id == id }
                return found
            }
            for watcher in cancelled { watcher.continuation.resume() }
        }
    }
}

/// A door at which work waits until a test opens it.
final class Gate: Sendable {
    private let arrivals = Notebook<Void>()
    private let openings = Notebook<Void>()

    init(isOpen: Bool = false) {
        if isOpen { open() }
    }

    func open() { openings.note(()) }

    /// Waits until the gate is open.
    func pass() async {
        arrivals.note(())
        await openings.reaches(1)
    }

    /// Returns once that many have come to the gate.
    func isReached(by count: Int = 1) async { await arrivals.reaches(count) }
}
