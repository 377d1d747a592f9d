import NIOCore
import NIOPosix

/// One attempt to connect to a server: its addresses in turn and TLS, all within one time limit.
///
/// On one event loop.
final class UpstreamDial {
    private let connector: UpstreamConnector
    private let connection: UpstreamConnection
    private let promise: EventLoopPromise<any Channel>
    private var rest: ArraySlice<SocketAddress>
    private let deadline: NIODeadline
    private var channel: (any Channel)?
    private var limit: Scheduled<Void>?
    private var isOver = false

    init(_ connector: UpstreamConnector, _ connection: UpstreamConnection, addresses: [SocketAddress]) {
        self.connector = connector
        self.connection = connection
        rest = addresses[...]
        promise = connector.eventLoop.makePromise(of: (any Channel).self)
        deadline = .now() + connector.configuration.connectTimeout
    }

    func start() -> EventLoopFuture<any Channel> {
        if connector.configuration.tls != nil {
            limit = connector.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
                finish(.failure(ChannelError.connectTimeout(connector.configuration.connectTimeout)))
            }
        }
        tryNext(after: nil)
        return promise.futureResult
    }

    /// Tries the next address; the addresses that are left share the time that is left.
    private func tryNext(after error: (any Error)?) {
        let left = deadline - .now()
        let share = left.nanoseconds / Int64(max(1, rest.count))
        let bootstrap = connector.bootstrap(timeout: .nanoseconds(max(1_000_000, share)), initialize)
        let connected: EventLoopFuture<any Channel>
        switch connector.configuration.address {
        case .unix(let path) where error == nil:
            connected = bootstrap.connect(unixDomainSocketPath: path)
        case .host(let host, let port) where error == nil && rest.isEmpty:
            // A name that has not been resolved yet.
            connected = bootstrap.connect(host: host, port: port)
        case .unix, .host:
            guard let address = rest.popFirst(), left > .zero else {
                return finish(.failure(error ?? ChannelError.connectTimeout(connector.configuration.connectTimeout)))
            }
            connected = bootstrap.connect(to: address)
        }
        connected.assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let channel):
                if connector.configuration.tls == nil { finish(.success(channel)) }
            case .failure(let error):
                failed(error)
            }
        }
    }

    private func initialize(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        guard let tls = connector.configuration.tls, case .host(let host, _) = connector.configuration.address else {
            return try pipeline.addHandler(connection)
        }
        guard !isOver else { throw ChannelError.ioOnClosedChannel }
        self.channel = channel
        let isIPLiteral = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        let engine = try TLSEngine(context: tls.context, connectingTo: host, isIPLiteral: isIPLiteral)
        try pipeline.addHandlers(TLSHandler(engine: engine), HandshakeWait(self))
    }

    /// The handshake of a channel is over.
    fileprivate func shookHands(_ channel: any Channel, _ wait: HandshakeWait) {
        do {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(connection)
            pipeline.removeHandler(wait, promise: nil)
            finish(.success(channel))
        } catch {
            channel.close(promise: nil)
            failed(error)
        }
    }

    /// An address did not work out; a certificate that is not to be trusted is no reason to try another.
    fileprivate func failed(_ error: any Error) {
        guard !isOver else { return }
        if UpstreamConnector.failure(error) == .certificateRefused { return finish(.failure(error)) }
        if rest.isEmpty { finish(.failure(error)) } else { tryNext(after: error) }
    }

    private func finish(_ result: Result<any Channel, any Error>) {
        guard !isOver else {
            if case .success(let channel) = result { channel.close(promise: nil) }
            return
        }
        isOver = true
        limit?.cancel()
        if case .failure = result { channel?.close(promise: nil) }
        channel = nil
        promise.completeWith(result)
    }
}

/// Stands behind TLS until the handshake is over.
private final class HandshakeWait: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let dial: UpstreamDial
    private var isOver = false

    init(_ dial: UpstreamDial) { self.dial = dial }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? TLSEvent == .handshakeCompleted, !isOver {
            isOver = true
            dial.shookHands(context.channel, self)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error) {
        if isOver { return }
        isOver = true
        dial.failed(error)
    }
}
