import NIOCore

/// The last handler of an outgoing connection: one exchange at a time, then idle, then the next.
///
/// ```
/// opening ──ready──▶ waiting ──start──▶ busy ──complete──▶ idle ──start──▶ busy
///     └───────────────── failure, end, idle timeout ─────────────────▶ closed
/// ```
final class OutgoingConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// Connecting or in the TLS handshake; the exchange waits.
        case opening(OutgoingExchange?)
        case busy(OutgoingExchange)
        case idle(Scheduled<Void>?)
        case closed(TransportError)
    }

    private let limits: OutgoingLimits
    private let isSecure: Bool
    /// Called when the connection can carry another request; false if it is not wanted.
    private let keep: (OutgoingConnection) -> Bool
    /// Called when an idle connection closes; false if a caller has just been given it.
    private let withdraw: () -> Bool
    private var state = State.opening(nil)
    private var context: ChannelHandlerContext?
    private var collector: ResponseCollector?
    private var hasReceived = false
    private var isWritten = false
    private var exchanges = 0

    init(
        limits: OutgoingLimits, isSecure: Bool, keep: @escaping (OutgoingConnection) -> Bool,
        withdraw: @escaping () -> Bool
    ) {
        self.limits = limits
        self.isSecure = isSecure
        self.keep = keep
        self.withdraw = withdraw
    }

    // MARK: Exchanges

    /// Carries an exchange, as soon as the connection is ready for it.
    ///
    /// Only for whom the connection was opened, or taken from the kept ones.
    func start(_ exchange: OutgoingExchange) {
        switch state {
        case .opening:
            state = .opening(exchange)
            exchange.breakOff = { self.shut(TransportError(.cancelled)) }
        case .idle(let timer):
            timer?.cancel()
            if exchange.isOver { becomeIdle() } else { send(exchange) }
        case .closed(let error):
            exchange.finish(exchanges > 0 ? .stale(error) : .failed(error))
        case .busy:
            exchange.finish(.stale(TransportError(.connectionClosed)))
        }
    }

    /// Fails what the connection carries and closes it.
    func shutDown() {
        fail(TransportError(.shutDown))
    }

    private func becomeReady() {
        guard case .opening(let exchange) = state else { return }
        state = .idle(nil)
        if let exchange { send(exchange) }
    }

    private func send(_ exchange: OutgoingExchange) {
        guard let context else { return exchange.finish(.stale(TransportError(.connectionClosed))) }
        state = .busy(exchange)
        exchanges += 1
        hasReceived = false
        isWritten = false
        collector = ResponseCollector(
            method: exchange.message.method, maxBodyBytes: exchange.message.maxResponseBytes, limits: limits)
        exchange.endConnecting()
        exchange.breakOff = { self.shut(TransportError(.cancelled)) }
        exchange.isSent = true
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success: self.isWritten = true
            case .failure(let error): self.fail(OutgoingConnection.closure(error))
            }
        }
        context.writeAndFlush(wrapOutboundOut(exchange.message.bytes), promise: promise)
    }

    private func becomeIdle() {
        guard let context else { return }
        collector = nil
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limits.idleTimeout)) {
            // A caller that was given the connection at this moment may still use it.
            if self.withdraw() { self.shut(TransportError(.connectionClosed)) }
        }
        state = .idle(timer)
        if !keep(self) { shut(TransportError(.connectionClosed)) }
    }

    private func advance(_ step: ResponseCollector.Step?, _ exchange: OutgoingExchange) {
        switch step {
        case .incomplete, nil: break
        case .failed(let error): fail(error)
        case .complete(let response, let reusable):
            if reusable, isWritten { becomeIdle() } else { shut(TransportError(.connectionClosed)) }
            exchange.finish(.response(response))
        }
    }

    // MARK: Ends

    private func fail(_ error: TransportError) {
        let failed = state
        shut(error)
        switch failed {
        case .opening(let exchange): exchange?.finish(.failed(error))
        case .busy(let exchange):
            let isStale = exchanges > 1 && !hasReceived && exchange.message.isIdempotent && error.code != .shutDown
            exchange.finish(isStale ? .stale(error) : .failed(error))
        case .idle, .closed: break
        }
    }

    private func shut(_ reason: TransportError) {
        if case .closed = state { return }
        if case .idle(let timer) = state {
            timer?.cancel()
            _ = withdraw()
        }
        state = .closed(reason)
        collector = nil
        context?.close(promise: nil)
    }

    private static func closure(_ error: any Error) -> TransportError {
        error as? TransportError ?? TransportError(.connectionClosed, detail: (error as? IOError)?.description)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive, !isSecure { becomeReady() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(TransportError(.connectionClosed))
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isSecure { becomeReady() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSEvent.handshakeCompleted? = event as? TLSEvent { becomeReady() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .busy(let exchange) = state else {
            // Nobody asked for these bytes; they must not become the answer to the next request.
            return fail(TransportError(.malformedResponse))
        }
        hasReceived = true
        advance(collector?.received(unwrapInboundIn(data)), exchange)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .busy(let exchange) = state { advance(collector?.inputEnded(), exchange) }
        fail(TransportError(.connectionClosed))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(OutgoingConnection.closure(error))
    }
}
