import NIOCore
import NIOPosix

/// Opens connections, for one exchange each.
struct OutgoingConnector: Sendable {
    let tls: TLSContext
    let limits: OutgoingLimits
    let connections: OutgoingConnections

    /// The channels of one attempt to connect: several where the host has several addresses.
    private final class Dial {
        private var channels: [any Channel] = []
        private var isAbandoned = false

        func admit(_ channel: any Channel) throws(TransportError) {
            guard !isAbandoned else { throw TransportError(.cancelled) }
            channels.append(channel)
        }

        func abandon() {
            isAbandoned = true
            for channel in channels { channel.close(promise: nil) }
        }
    }

    /// Opens the connection counted as `id` and starts the exchange on it; on the exchange's loop.
    func connect(to url: OutgoingURL, as id: Int, for exchange: OutgoingExchange, on loop: any EventLoop) {
        guard !exchange.isOver else { return connections.closed(id) }
        let dial = Dial()
        let timeout = TimeAmount(limits.connectTimeout)
        exchange.breakOff = { dial.abandon() }
        exchange.beginConnecting(timeout: timeout)

        let boundDial = NIOLoopBound(dial, eventLoop: loop)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try boundDial.value.admit(channel)
                    try addHandlers(to: channel, url, id)
                }
            }
        let connected: EventLoopFuture<any Channel>
        if url.isIPLiteral, let address = try? SocketAddress(ipAddress: url.host, port: url.port) {
            connected = bootstrap.connect(to: address)
        } else {
            connected = bootstrap.connect(host: url.host, port: url.port)
        }
        connected.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel): begin(exchange, on: channel, as: id)
            case .failure(let error):
                connections.closed(id)
                exchange.finish(.failed(OutgoingConnector.failure(error)))
            }
        }
    }

    private func addHandlers(to channel: any Channel, _ url: OutgoingURL, _ id: Int) throws {
        let pipeline = channel.pipeline.syncOperations
        if url.scheme == .https {
            let engine = try TLSEngine(context: tls, connectingTo: url.host, isIPLiteral: url.isIPLiteral)
            try pipeline.addHandler(TLSHandler(engine: engine))
        }
        let origin = OutgoingConnections.Origin(url)
        let (connections, loop) = (connections, channel.eventLoop)
        let connection = OutgoingConnection(
            limits: limits, isSecure: url.scheme == .https,
            keep: { connection in
                let bound = NIOLoopBound(connection, eventLoop: loop)
                return connections.keep(OutgoingConnections.Kept(id: id, loop: loop, connection: bound), for: origin)
            },
            withdraw: { connections.withdraw(id) })
        try pipeline.addHandler(connection)
    }

    private func begin(_ exchange: OutgoingExchange, on channel: any Channel, as id: Int) {
        let (connections, loop) = (connections, channel.eventLoop)
        channel.closeFuture.whenComplete { _ in connections.closed(id) }
        guard !exchange.isOver,
            let connection = try? channel.pipeline.syncOperations.handler(type: OutgoingConnection.self)
        else {
            exchange.finish(.failed(TransportError(.connectionClosed)))
            return channel.close(promise: nil)
        }
        let bound = NIOLoopBound(connection, eventLoop: loop)
        connections.established(id) { loop.execute { bound.value.shutDown() } }
        connection.start(exchange)
    }

    private static func failure(_ error: any Error) -> TransportError {
        switch error {
        case let error as TransportError: return error
        case ChannelError.connectTimeout: return TransportError(.connectTimeout)
        case let error as NIOConnectionError:
            guard let first = error.connectionErrors.first else { return TransportError(.nameNotResolved) }
            return failure(first.error)
        default: return TransportError(.connectFailed, detail: (error as? IOError)?.description)
        }
    }
}
