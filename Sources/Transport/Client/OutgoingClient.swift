package import NIOCore

/// Sends requests of the rails over HTTP/1.1, with or without TLS.
///
/// Connections are kept and used again per origin. Redirects are never followed: they are responses like any other.
package final class OutgoingClient: Sendable {
    private let group: any EventLoopGroup
    private let connections: OutgoingConnections
    private let connector: OutgoingConnector

    /// A client whose connections live on the loops of `group`, which must outlive it.
    ///
    /// Fails with `invalidConfiguration` when a file of certificates cannot be read.
    package init(
        group: any EventLoopGroup,
        tls: ClientTLSConfiguration = .systemTrust,
        limits: OutgoingLimits = OutgoingLimits()
    ) throws(TransportError) {
        self.group = group
        connections = OutgoingConnections(limits: limits)
        connector = OutgoingConnector(tls: try TLSContext(client: tls), limits: limits, connections: connections)
    }

    deinit { connections.shutDown() }

    /// Sends one request and returns the complete response, whatever its status.
    ///
    /// Cancelling the task closes the connection. An error whose `mayHaveBeenSent` is false says that the peer cannot
    /// have acted upon the request.
    package func send(_ request: OutgoingRequest) async throws(TransportError) -> OutgoingResponse {
        do throws(TransportError) {
            let message = try RequestMessage(request)
            return try await send(
                message, to: request.url, mayReuse: request.reusesConnection,
                until: .now() + TimeAmount(message.timeout))
        } catch {
            throw error.at(request.url)
        }
    }

    /// Closes every connection, fails the calls under way, refuses later ones, and returns when all is closed.
    package func shutdown() async {
        connections.shutDown()
        await connections.allClosed()
    }

    /// How many connections are open or being opened, the kept ones included.
    package var openConnections: Int { connections.openCount }

    /// How many connections wait for another request.
    package var idleConnections: Int { connections.keptCount }

    private func send(
        _ message: RequestMessage, to url: OutgoingURL, mayReuse: Bool, until deadline: NIODeadline
    ) async throws(TransportError) -> OutgoingResponse {
        guard !Task.isCancelled else { throw TransportError(.cancelled) }
        var wasSent = false
        if mayReuse, let kept = connections.take(OutgoingConnections.Origin(url)) {
            switch await attempt(message, on: kept.loop, until: deadline, { kept.connection.value.start($0) }) {
            case .response(let response): return response
            case .failed(let error): throw error
            case .stale(let error): wasSent = error.mayHaveBeenSent
            }
        }
        switch await attemptFresh(message, to: url, until: deadline) {
        case .response(let response): return response
        case .failed(let error), .stale(let error): throw wasSent ? error.afterSending() : error
        }
    }

    private func attemptFresh(
        _ message: RequestMessage, to url: OutgoingURL, until deadline: NIODeadline
    ) async -> OutgoingExchange.Outcome {
        let (connector, connections, loop) = (connector, connections, group.next())
        return await attempt(message, on: loop, until: deadline) { exchange in
            let bound = NIOLoopBound(exchange, eventLoop: loop)
            do throws(TransportError) {
                let id = try connections.open { loop.execute { bound.value.fail(.shutDown) } }
                connector.connect(to: url, as: id, for: exchange, on: loop)
            } catch {
                exchange.finish(.failed(error))
            }
        }
    }

    /// Runs one attempt on its loop, and breaks it off when the task is cancelled.
    private func attempt(
        _ message: RequestMessage, on loop: any EventLoop, until deadline: NIODeadline,
        _ start: @escaping @Sendable (OutgoingExchange) -> Void
    ) async -> OutgoingExchange.Outcome {
        let exchange = NIOLoopBoundBox.makeBoxSendingValue(OutgoingExchange(message, loop: loop), eventLoop: loop)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.execute {
                    exchange.value.begin(continuation, until: deadline)
                    start(exchange.value)
                }
            }
        } onCancel: {
            loop.execute { exchange.value.fail(.cancelled) }
        }
    }
}
