import NIOCore

/// One attempt to connect to a server: its addresses in turn, each with TLS, all within one time limit.
///
/// On one event loop.
final class UpstreamDial {
    private let connector: UpstreamConnector
    private let attempt: UpstreamAttempt
    private let promise: EventLoopPromise<any Channel>
    private var rest: ArraySlice<SocketAddress>
    private let deadline: NIODeadline
    /// The channel of a handshake, and when it has taken too long.
    private var channel: (any Channel)?
    private var limit: Scheduled<Void>?
    /// Counts the addresses tried: what is told of an earlier one comes too late.
    private var turn = 0
    private var isOver = false

    init(_ connector: UpstreamConnector, _ attempt: UpstreamAttempt, addresses: [SocketAddress]) {
        self.connector = connector
        self.attempt = attempt
        rest = addresses[...]
        promise = connector.eventLoop.makePromise(of: (any Channel).self)
        deadline = .now() + connector.configuration.connectTimeout
    }

    func start() -> EventLoopFuture<any Channel> {
        tryNext(after: nil)
        return promise.futureResult
    }

    /// Tries the next address; the addresses that are left share the time that is left.
    private func tryNext(after error: (any Error)?) {
        let left = deadline - .now()
        let share = TimeAmount.nanoseconds(max(1_000_000, left.nanoseconds / Int64(max(1, rest.count))))
        turn += 1
        let turn = turn
        let address = rest.popFirst()
        // At first there is none for a path, and none for a name that has not been resolved yet.
        guard address != nil ? left > .zero : error == nil else {
            return finish(.failure(error ?? ChannelError.connectTimeout(connector.configuration.connectTimeout)))
        }
        // First, as a connection can fail before this returns, and the next address has a limit of its own.
        if connector.configuration.tls != nil { limitHandshake(share, turn) }
        let connected = connector.open(address, timeout: share) { [self] in try initialize($0, turn) }
        connected.assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let channel):
                if connector.configuration.tls == nil { finish(.success(channel)) }
            case .failure(let error):
                failed(error, turn)
            }
        }
    }

    /// A server that takes the connection and then says nothing must leave the next address its time.
    private func limitHandshake(_ share: TimeAmount, _ turn: Int) {
        limit?.cancel()
        limit = connector.eventLoop.assumeIsolated().scheduleTask(in: share) { [self] in
            let late = turn == self.turn ? channel : nil
            failed(ChannelError.connectTimeout(share), turn)
            late?.close(promise: nil)
        }
    }

    private func initialize(_ channel: any Channel, _ turn: Int) throws {
        let pipeline = channel.pipeline.syncOperations
        guard let tls = connector.configuration.tls, case .host(let host, _) = connector.configuration.address else {
            return try attempt.install(
                connector.configuration.protocol.known(isSecure: false), on: channel, isAlone: true)
        }
        guard !isOver, turn == self.turn else { throw ChannelError.ioOnClosedChannel }
        self.channel = channel
        let isIPLiteral = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        let engine = try TLSEngine(
            context: tls.context, connectingTo: host, isIPLiteral: isIPLiteral, offering: attempt.offer)
        try pipeline.addHandlers(TLSHandler(engine: engine), HandshakeWait(self, engine, turn))
    }

    /// The handshake of a channel is over.
    fileprivate func shookHands(_ channel: any Channel, _ wait: HandshakeWait) {
        guard !isOver, wait.turn == turn else { return channel.close(promise: nil) }
        do {
            try attempt.install(wait.engine.chosenProtocol, on: channel)
            channel.pipeline.syncOperations.removeHandler(wait, promise: nil)
            finish(.success(channel))
        } catch {
            channel.close(promise: nil)
            failed(error, wait.turn)
        }
    }

    /// An address did not work out; a certificate that is not to be trusted is no reason to try another, nor is a wrong
    /// protocol.
    fileprivate func failed(_ error: any Error, _ turn: Int) {
        guard !isOver, turn == self.turn else { return }
        let failure = UpstreamConnector.failure(error)
        if failure == .certificateRefused || failure == .notHTTP2 { return finish(.failure(error)) }
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

    let engine: TLSEngine
    private let dial: UpstreamDial
    let turn: Int
    private var isOver = false

    init(_ dial: UpstreamDial, _ engine: TLSEngine, _ turn: Int) {
        self.dial = dial
        self.engine = engine
        self.turn = turn
    }

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
        dial.failed(error, turn)
    }
}
