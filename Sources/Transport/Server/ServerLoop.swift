import NIOCore
import Synchronization

/// What the connections of one listening address share on one event loop.
final class ServerLoop {
    let eventLoop: any EventLoop
    /// What the next connections are bound by and speak; a connection keeps what it began with.
    @exclusivity(unchecked) var limits: ServerLimits
    @exclusivity(unchecked) var options: ListenerOptions
    let delegate: any RequestDelegate
    let sweep: DeadlineSweep
    let census: ConnectionCensus
    @exclusivity(unchecked) var date = HTTPDate()
    @exclusivity(unchecked) var spares = SpareBuffers()
    @exclusivity(unchecked) private(set) var isDraining = false
    private var emptied: EventLoopPromise<Void>?

    init(
        eventLoop: any EventLoop, limits: ServerLimits, options: ListenerOptions = ListenerOptions(),
        delegate: any RequestDelegate, census: ConnectionCensus
    ) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.options = options
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
        beginDraining()
        return whenEmpty()
    }

    /// Closes idle connections and lets the others finish; a connection that still comes may ask once.
    func beginDraining() {
        isDraining = true
        for case let connection as DownstreamConnection in sweep.all { connection.drain() }
    }

    /// Completes when no connection is left.
    func whenEmpty() -> EventLoopFuture<Void> {
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
    private let limit: Atomic<Int>
    /// Connections by client, where their number is limited.
    let clients = ActiveCounts()

    init(limit: Int) {
        self.limit = Atomic(limit)
    }

    /// Sets another limit; what is open stays open.
    func setLimit(_ limit: Int) { self.limit.store(limit, ordering: .relaxed) }

    var count: Int { open.load(ordering: .relaxed) }

    /// Counts a connection in and says whether it is within the limit.
    func enter() -> Bool {
        open.add(1, ordering: .relaxed).newValue <= limit.load(ordering: .relaxed)
    }

    func leave() {
        open.subtract(1, ordering: .relaxed)
    }
}
