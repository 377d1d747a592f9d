package import NIOCore

/// The connections to one upstream from one event loop.
///
/// Idle connections are reused last in, first out, so that those not needed grow old and close. A request that finds
/// none idle opens one, or waits in line when the limit is reached.
package final class UpstreamPool {
    package let configuration: UpstreamConfiguration
    package let eventLoop: any EventLoop

    let sweep: DeadlineSweep
    @exclusivity(unchecked) var spares = SpareBuffers()
    /// Requests under way, waiting ones included, that came through a group.
    var outstanding = 0
    private let connect: (UpstreamConnection) -> EventLoopFuture<any Channel>
    @exclusivity(unchecked) private var idle: [UpstreamConnection] = []
    private var waiting = CircularBuffer<UpstreamRequest>()
    /// Connections in any state, connecting ones included.
    private var total = 0
    /// Connections that are being made for whoever is first in line.
    private var connecting = 0
    private var isClosed = false
    private var isDraining = false

    package convenience init(_ configuration: UpstreamConfiguration, eventLoop: any EventLoop) {
        let connector = UpstreamConnector(configuration: configuration, eventLoop: eventLoop)
        self.init(configuration, eventLoop: eventLoop, connect: connector.connect)
    }

    /// Makes a pool that takes its channels from `connect`.
    init(
        _ configuration: UpstreamConfiguration, eventLoop: any EventLoop,
        connect: @escaping (UpstreamConnection) -> EventLoopFuture<any Channel>
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.connect = connect
        sweep = DeadlineSweep(eventLoop: eventLoop)
        sweep.onTick = { [unowned self] in expireWaiting() }
    }

    /// Returns an empty buffer for a request head; `start` takes its storage back when the head is sent.
    package func headBuffer() -> ByteBuffer { spares.take() }

    /// Sends a request on an idle connection, or on a new one.
    ///
    /// A request without a body is flushed at once; otherwise the head waits for `UpstreamRequest.flush()`,
    /// `end(trailers:)` or 16 KiB of body.
    ///
    /// - Parameters:
    ///   - head: The request line and field lines, each with CRLF, without framing and connection fields and without
    ///     the empty line: the pool adds them.
    ///   - isIdempotent: Whether the request may be sent a second time when a reused connection turns out to be dead
    ///     before a byte of the answer. It is done once, and only without a body.
    ///   - mayUpgrade: Whether the head has `Connection: upgrade` and `Upgrade`, so that a 101 is an answer. A connection
    ///     that is upgraded counts as one that is open, and never comes back.
    package func start(
        _ head: consuming ByteBuffer, body: RequestBody, isIdempotent: Bool, method: Method,
        mayUpgrade: Bool = false, handler: any ResponseHandler
    ) -> UpstreamRequest {
        start(
            consume head, body: body, isIdempotent: isIdempotent, method: method, mayUpgrade: mayUpgrade,
            handler: handler, seat: nil)
    }

    /// The same for a group, which hears of the outcome first.
    func start(
        _ head: consuming ByteBuffer, body: RequestBody, isIdempotent: Bool, method: Method, mayUpgrade: Bool,
        handler: any ResponseHandler, seat: UpstreamSeat?
    ) -> UpstreamRequest {
        let connection = idle.popLast()
        let request = connection.flatMap { Self.spareRequest(of: $0) } ?? UpstreamRequest(eventLoop: eventLoop)
        request.prepare(
            consume head, body: body, isIdempotent: isIdempotent, method: method, mayUpgrade: mayUpgrade,
            handler: handler, seat: seat)
        request.isStarting = true
        defer { request.isStarting = false }
        if seat != nil { outstanding += 1 }
        carry(request, on: connection)
        return request
    }

    /// Takes over a request of which another pool could not send a byte, or that may be sent twice.
    func carry(_ request: UpstreamRequest) {
        outstanding += 1
        carry(request, on: idle.popLast())
    }

    private func carry(_ request: UpstreamRequest, on connection: UpstreamConnection?) {
        if let connection {
            connection.begin(request)
        } else if isClosed {
            request.fail(.poolClosed)
        } else {
            enqueue(request)
        }
    }

    /// Connections that wait for a request.
    package var idleCount: Int { idle.count }
    /// Connections that have one or are being made.
    package var activeCount: Int { total - idle.count }
    /// Requests that wait for a connection.
    package var waitingCount: Int { waiting.count }

    /// Closes idle connections now and the others after their answers; waiting requests fail.
    package func close() {
        isClosed = true
        for connection in idle { connection.close() }
        for request in waiting { request.fail(.poolClosed) }
        waiting.removeAll()
    }

    /// Closes connections as they become idle; requests that wait or come late are still served.
    package func drain() {
        isDraining = true
        for connection in idle { connection.close() }
    }

    /// Returns the request object that the connection carried last, if nobody else holds it.
    private static func spareRequest(of connection: UpstreamConnection) -> UpstreamRequest? {
        guard connection.request != nil, isKnownUniquelyReferenced(&connection.request) else { return nil }
        return connection.request
    }

    // MARK: The line

    private func enqueue(_ request: UpstreamRequest) {
        let hasRoom = total < configuration.maxConnections
        guard hasRoom || waiting.count - connecting < configuration.maxQueued else {
            return request.fail(.queueFull)
        }
        if sweep.count == 0 { sweep.refresh() }
        request.queueDeadline = sweep.deadline(after: configuration.queueTimeout)
        waiting.append(request)
        balance()
    }

    /// Takes the first request in line that has not been cancelled.
    private func nextWaiting() -> UpstreamRequest? {
        while let request = waiting.popFirst() {
            if request.isActive { return request }
        }
        return nil
    }

    /// Opens connections while requests wait and the limit allows.
    func balance() {
        while waiting.count > connecting, total < configuration.maxConnections, !isClosed {
            connecting += 1
            connect(for: nil)
        }
    }

    /// All requests wait equally long, so the first in line is the first to run out of time.
    private func expireWaiting() {
        while let first = waiting.first, !first.isActive || first.queueDeadline <= sweep.now {
            waiting.removeFirst()
            first.fail(.queueTimeout)
        }
    }

    // MARK: Connections

    /// Makes a connection to see whether one can be made, and closes it.
    func testConnection(_ report: @escaping (Bool) -> Void) {
        total += 1
        let connection = UpstreamConnection(pool: self)
        sweep.add(connection)
        connect(connection).assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success:
                connection.close()
                report(true)
            case .failure:
                sweep.remove(connection)
                total -= 1
                report(false)
            }
        }
    }

    /// Takes a connection that can carry a request.
    func release(_ connection: UpstreamConnection) {
        if let request = nextWaiting() {
            connection.begin(request)
        } else if isClosed || isDraining {
            connection.close()
        } else {
            idle.append(connection)
        }
    }

    /// Takes a connection off the idle list.
    func forget(_ connection: UpstreamConnection) {
        if let index = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: index) }
    }

    func closed(_ connection: UpstreamConnection, wasIdle: Bool) {
        sweep.remove(connection)
        total -= 1
        if wasIdle { forget(connection) }
    }

    /// Sends a request again on a connection of its own, after a reused one died under it.
    func retry(_ request: UpstreamRequest) {
        request.connection = nil
        connect(for: request)
    }

    private func connect(for request: UpstreamRequest?) {
        total += 1
        let connection = UpstreamConnection(pool: self)
        sweep.add(connection)
        connect(connection).assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success: connected(connection, for: request)
            case .failure(let error): connectFailed(connection, for: request, error)
            }
        }
    }

    private func connected(_ connection: UpstreamConnection, for request: UpstreamRequest?) {
        if request == nil { connecting -= 1 }
        guard connection.isIdle, connection.context != nil else {
            request?.fail(.closedBeforeResponse)
            return balance()
        }
        connection.deadline = sweep.deadline(after: configuration.keepAliveTimeout)
        if let request, request.isActive {
            connection.begin(request)
        } else {
            release(connection)
        }
    }

    private func connectFailed(_ connection: UpstreamConnection, for request: UpstreamRequest?, _ error: any Error) {
        sweep.remove(connection)
        total -= 1
        if request == nil { connecting -= 1 }
        (request ?? nextWaiting())?.fail(UpstreamConnector.failure(error))
        balance()
    }
}
