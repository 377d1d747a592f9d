import NIOCore
import Synchronization

/// What the connections of one event loop share.
final class ServerLoop {
    let eventLoop: any EventLoop
    let limits: ServerLimits
    let delegate: any RequestDelegate
    let sweep: DeadlineSweep
    let census: ConnectionCensus
    @exclusivity(unchecked) var date = HTTPDate()
    @exclusivity(unchecked) var spares = SpareBuffers()
    @exclusivity(unchecked) private(set) var isDraining = false
    private var emptied: EventLoopPromise<Void>?

    init(eventLoop: any EventLoop, limits: ServerLimits, delegate: any RequestDelegate, census: ConnectionCensus) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.delegate = delegate
        self.census = census
        sweep = DeadlineSweep(eventLoop: eventLoop)
        sweep.onTick = { [unowned self] in date.refresh() }
    }

    func add(_ connection: DownstreamConnection) {
        sweep.add(connection)
    }

    func remove(_ connection: DownstreamConnection) {
        sweep.remove(connection)
        if sweep.count == 0 {
            emptied?.succeed(())
            emptied = nil
        }
    }

    /// Closes idle connections and lets the others finish; the future completes when none is left.
    func drain() -> EventLoopFuture<Void> {
        isDraining = true
        for case let connection as DownstreamConnection in sweep.all { connection.drain() }
        guard sweep.count > 0 else { return eventLoop.makeSucceededVoidFuture() }
        let promise = emptied ?? eventLoop.makePromise(of: Void.self)
        emptied = promise
        return promise.futureResult
    }

    /// Closes whatever is left.
    func closeAll() {
        for case let connection as DownstreamConnection in sweep.all { connection.breakOff(.drained) }
    }
}

/// Counts open connections over all loops.
final class ConnectionCensus: Sendable {
    private let open = Atomic<Int>(0)
    private let limit: Int
    /// Connections by client, where their number is limited.
    let clients = ActiveCounts()

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { open.load(ordering: .relaxed) }

    /// Counts a connection in and says whether it is within the limit.
    func enter() -> Bool {
        open.add(1, ordering: .relaxed).newValue <= limit
    }

    func leave() {
        open.subtract(1, ordering: .relaxed)
    }
}
