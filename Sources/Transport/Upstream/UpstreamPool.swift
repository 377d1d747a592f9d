package import NIOCore

/// The connections to one upstream from one event loop.
///
/// Idle connections are reused last in, first out, so that those not needed grow old and close. A request that finds
/// none idle opens one, or waits in line when the limit is reached. A connection of HTTP/2 is shared: while one has room,
/// or may have when it is made, no other is opened.
package final class UpstreamPool {
    package let configuration: UpstreamConfiguration
    package let eventLoop: any EventLoop

    let sweep: DeadlineSweep
    @exclusivity(unchecked) var spares = SpareBuffers()
    /// Requests under way, waiting ones included, that came through a group.
    var outstanding = 0
    private let server: UpstreamServer
    /// The edition of the server's addresses that connections were looked at under.
    private var edition: Int
    private let connect: (UpstreamAttempt) -> EventLoopFuture<any Channel>
    @exclusivity(unchecked) private var idle: [UpstreamConnection] = []
    /// Connections of HTTP/2 that take requests.
    @exclusivity(unchecked) var shared: [UpstreamHTTP2Connection] = []
    private(set) var waiting = CircularBuffer<UpstreamRequest>()
    /// What the server chose last; nil while it has not been asked.
    private var spoken: ApplicationProtocol?
    /// Connections for requests that may be upgraded, where the server speaks HTTP/2 to all others.
    private var upgrades: UpstreamPool?
    /// Connections in any state, connecting ones included.
    private var total = 0
    /// Connections that are being made for whoever is first in line.
    private var connecting = 0
    private(set) var isClosed = false
    private(set) var isDraining = false

    /// - Parameter server: What all loops know of the server; its addresses are used.
    package convenience init(
        _ configuration: UpstreamConfiguration, eventLoop: any EventLoop, server: UpstreamServer = UpstreamServer()
    ) {
        let connector = UpstreamConnector(configuration: configuration, eventLoop: eventLoop, server: server)
        self.init(configuration, eventLoop: eventLoop, server: server, connect: connector.connect)
    }

    /// Makes a pool that takes its channels from `connect`.
    init(
        _ configuration: UpstreamConfiguration, eventLoop: any EventLoop, server: UpstreamServer = UpstreamServer(),
        connect: @escaping (UpstreamAttempt) -> EventLoopFuture<any Channel>
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.connect = connect
        self.server = server
        edition = server.edition
        spoken = configuration.protocol.known(isSecure: configuration.tls != nil)
        sweep = DeadlineSweep(eventLoop: eventLoop)
        sweep.onTick = { [unowned self] in
            expireWaiting()
            if edition != server.edition { addressesChanged() }
        }
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
        let connection = mayUpgrade && spoken != .http1 ? nil : idle.popLast()
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
        carry(request, on: request.mayUpgrade && spoken != .http1 ? nil : idle.popLast())
    }

    func carry(_ request: UpstreamRequest, on connection: UpstreamConnection?) {
        if let connection {
            connection.begin(request)
        } else if request.mayUpgrade, let pool = upgradePool() {
            pool.carry(request, on: pool.idle.popLast())
        } else if let connection = shared.first(where: \.hasRoom) {
            connection.begin(request)
        } else if isClosed {
            request.fail(.poolClosed)
        } else {
            enqueue(request)
        }
    }

    /// Where a request that may be upgraded goes instead: HTTP/2 has no 101, and the extended CONNECT of RFC 8441 is not
    /// asked for, as few servers have it.
    private func upgradePool() -> UpstreamPool? {
        guard configuration.protocol == .auto, spoken != .http1, !isClosed else { return nil }
        if let upgrades { return upgrades }
        var settings = configuration
        settings.protocol = .http1
        let pool = UpstreamPool(settings, eventLoop: eventLoop, server: server, connect: connect)
        if isDraining { pool.drain() }
        upgrades = pool
        return pool
    }

    /// Connections that wait for a request.
    package var idleCount: Int { unused + (upgrades?.idleCount ?? 0) }
    /// Connections that have one or are being made.
    package var activeCount: Int { total - unused + (upgrades?.activeCount ?? 0) }
    private var unused: Int { idle.count + shared.reduce(0) { $0 + ($1.isIdle ? 1 : 0) } }
    /// Requests that wait for a connection.
    package var waitingCount: Int { waiting.count + (upgrades?.waitingCount ?? 0) }

    /// Closes idle connections now and the others after their answers; waiting requests fail.
    package func close() {
        isClosed = true
        upgrades?.close()
        for connection in idle { connection.close() }
        for connection in shared { connection.retire() }
        for request in waiting { request.fail(.poolClosed) }
        waiting.removeAll()
    }

    /// Closes connections as they become idle; requests that wait or come late are still served.
    package func drain() {
        isDraining = true
        upgrades?.drain()
        for connection in idle { connection.close() }
        for connection in shared where connection.isIdle { connection.retire() }
    }

    /// Returns the request object that the connection carried last, if nobody else holds it.
    private static func spareRequest(of connection: UpstreamConnection) -> UpstreamRequest? {
        guard connection.request != nil, isKnownUniquelyReferenced(&connection.request) else { return nil }
        return connection.request
    }

    // MARK: The line

    private func enqueue(_ request: UpstreamRequest) {
        let room = max(0, configuration.maxConnections - total)
        guard waiting.count - connecting < configuration.maxQueued + room else { return request.fail(.queueFull) }
        if sweep.count == 0 { sweep.refresh() }
        request.queueDeadline = sweep.deadline(after: configuration.queueTimeout)
        waiting.append(request)
        balance()
    }

    /// Takes the first request in line that has not been cancelled.
    func nextWaiting() -> UpstreamRequest? {
        while let request = waiting.popFirst() {
            if request.isActive { return request }
        }
        return nil
    }

    /// Opens connections while requests wait and the limit allows.
    func balance() {
        while waiting.count > connecting, total < configuration.maxConnections, !isClosed, mayDial {
            connecting += 1
            dial(for: nil)
        }
    }

    /// Whether one more connection would be of use: one of HTTP/2 that is being made, or of which it is not known yet what it
    /// can carry, may do for all that wait.
    private var mayDial: Bool {
        spoken == .http1 || (connecting == 0 && shared.allSatisfy(\.isFull))
    }

    /// All requests wait equally long, so the first in line is the first to run out of time.
    private func expireWaiting() {
        while let first = waiting.first, !first.isActive || first.queueDeadline <= sweep.now {
            waiting.removeFirst()
            first.fail(.queueTimeout)
        }
    }

    // MARK: Connections

    /// Connections to addresses that the name no longer has are not used again.
    private func addressesChanged() {
        edition = server.edition
        let known = Set(server.addresses)
        for item in sweep.all {
            if let connection = item as? UpstreamConnection {
                guard let address = connection.context?.remoteAddress else { continue }
                connection.isOutdated = !known.contains(address)
                if connection.isOutdated, connection.isIdle { connection.close() }
            } else if let connection = item as? UpstreamHTTP2Connection {
                guard let address = connection.context?.remoteAddress, !known.contains(address) else { continue }
                connection.retire()
            }
        }
    }

    /// Makes a connection to see whether one can be made, and closes it.
    func testConnection(_ report: @escaping (Bool) -> Void) {
        let attempt = begin()
        connect(attempt).assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success:
                sweep.remove(attempt)
                attempt.close()
                report(true)
            case .failure:
                giveUp(attempt)
                report(false)
            }
        }
    }

    /// Takes a connection that can carry a request.
    func release(_ connection: UpstreamConnection) {
        if connection.isOutdated {
            // Whoever waits gets a new one when it is closed.
            connection.close()
        } else if let request = nextWaiting() {
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

    func closed(_ connection: UpstreamHTTP2Connection) {
        sweep.remove(connection)
        total -= 1
    }

    func closed(_ connection: UpstreamConnection, wasIdle: Bool) {
        sweep.remove(connection)
        total -= 1
        if wasIdle { forget(connection) }
    }

    /// Sends a request again on a connection of its own, after a reused one died under it.
    func retry(_ request: UpstreamRequest) {
        request.carrier = nil
        dial(for: request)
    }

    private func begin() -> UpstreamAttempt {
        total += 1
        let attempt = UpstreamAttempt(pool: self)
        sweep.add(attempt)
        return attempt
    }

    private func giveUp(_ attempt: UpstreamAttempt) {
        attempt.gaveUp()
        sweep.remove(attempt)
        total -= 1
    }

    private func dial(for request: UpstreamRequest?) {
        let attempt = begin()
        connect(attempt).assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success: connected(attempt, for: request)
            case .failure(let error): connectFailed(attempt, for: request, error)
            }
        }
    }

    private func connected(_ attempt: UpstreamAttempt, for request: UpstreamRequest?) {
        if request == nil { connecting -= 1 }
        sweep.remove(attempt)
        switch attempt.made {
        case .http1(let connection):
            if configuration.protocol == .auto { spoken = .http1 }
            connected(connection, for: request)
            // Whoever waited to hear what is spoken gets a connection of its own now.
            balance()
        case .http2(let connection):
            spoken = .http2
            connected(connection, for: request)
        case nil:
            request?.fail(.closedBeforeResponse)
            balance()
        }
    }

    private func connected(_ connection: UpstreamConnection, for request: UpstreamRequest?) {
        guard connection.isIdle, connection.context != nil else {
            request?.fail(.closedBeforeResponse)
            return
        }
        connection.deadline = sweep.deadline(after: configuration.keepAliveTimeout)
        if let request, request.isActive {
            connection.begin(request)
        } else {
            release(connection)
        }
    }

    private func connectFailed(_ attempt: UpstreamAttempt, for request: UpstreamRequest?, _ error: any Error) {
        giveUp(attempt)
        if request == nil { connecting -= 1 }
        let failure = UpstreamConnector.failure(error)
        if request == nil, spoken != .http1 {
            // All that wait, wait for this one.
            let lost = waiting
            waiting.removeAll()
            for request in lost { request.fail(failure) }
        } else {
            (request ?? nextWaiting())?.fail(failure)
        }
        balance()
    }
}
