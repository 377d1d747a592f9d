import NIOCore
import Synchronization

/// The connections of a client: how many are open, and which wait for another request.
final class OutgoingConnections: Sendable {
    /// What must be the same for a connection to be used again.
    struct Origin: Hashable, Sendable {
        let scheme: OutgoingURL.Scheme
        let host: String
        let port: Int

        init(_ url: OutgoingURL) {
            (scheme, host, port) = (url.scheme, url.host, url.port)
        }
    }

    /// A connection without an exchange.
    struct Kept: Sendable {
        let id: Int
        let loop: any EventLoop
        let connection: NIOLoopBound<OutgoingConnection>
    }

    private struct State {
        var nextID = 0
        /// How each open connection, or attempt to open one, is broken off.
        var open: [Int: @Sendable () -> Void] = [:]
        /// The most recently used last.
        var kept: [Origin: [Kept]] = [:]
        var keptOrigins: [Int: Origin] = [:]
        var isShutDown = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let limits: OutgoingLimits
    private let state = Mutex(State())

    init(limits: OutgoingLimits) {
        self.limits = limits
    }

    /// How many connections are open or being opened.
    var openCount: Int { state.withLock { $0.open.count } }

    /// How many connections wait for another request.
    var keptCount: Int { state.withLock { $0.keptOrigins.count } }

    /// Counts a new connection, which `breakOff` closes at shutdown.
    func open(_ breakOff: @escaping @Sendable () -> Void) throws(TransportError) -> Int {
        try state.withLock { state throws(TransportError) in
            guard !state.isShutDown else { throw TransportError(.shutDown) }
            guard state.open.count < limits.maxConnections else { throw TransportError(.tooManyConnections) }
            state.nextID += 1
            state.open[state.nextID] = breakOff
            return state.nextID
        }
    }

    /// Replaces how a connection is closed at shutdown.
    func established(_ id: Int, _ breakOff: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            guard state.open[id] != nil else { return false }
            state.open[id] = breakOff
            return state.isShutDown
        }
        if isLate { breakOff() }
    }

    /// Forgets a connection that is closed.
    func closed(_ id: Int) {
        let waiters = state.withLock { state in
            state.open[id] = nil
            _ = OutgoingConnections.remove(id, from: &state)
            guard state.open.isEmpty else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Keeps a connection for the next request to its origin; false where a limit forbids it.
    func keep(_ kept: Kept, for origin: Origin) -> Bool {
        state.withLock { state in
            guard !state.isShutDown, state.keptOrigins.count < limits.maxIdle,
                state.kept[origin]?.count ?? 0 < limits.maxIdlePerOrigin
            else { return false }
            state.kept[origin, default: []].append(kept)
            state.keptOrigins[kept.id] = origin
            return true
        }
    }

    /// Gives away the most recently used connection to an origin.
    func take(_ origin: Origin) -> Kept? {
        state.withLock { state in
            guard let kept = state.kept[origin]?.popLast() else { return nil }
            if state.kept[origin]?.isEmpty == true { state.kept[origin] = nil }
            state.keptOrigins[kept.id] = nil
            return kept
        }
    }

    /// Takes back a kept connection; false if it was given away.
    func withdraw(_ id: Int) -> Bool {
        state.withLock { OutgoingConnections.remove(id, from: &$0) }
    }

    /// Closes every connection and refuses new ones.
    func shutDown() {
        let open = state.withLock { state in
            state.isShutDown = true
            return Array(state.open.values)
        }
        for breakOff in open { breakOff() }
    }

    /// Returns when no connection is open; only after `shutDown`.
    func allClosed() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.open.isEmpty { return true }
                state.waiters.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    private static func remove(_ id: Int, from state: inout State) -> Bool {
        guard let origin = state.keptOrigins.removeValue(forKey: id) else { return false }
        state.kept[origin]?.removeAll { $0.id == id }
        if state.kept[origin]?.isEmpty == true { state.kept[origin] = nil }
        return true
    }
}
