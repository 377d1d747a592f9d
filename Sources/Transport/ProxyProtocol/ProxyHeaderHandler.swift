import NIOCore

/// Reads the PROXY header of a new connection, then makes room for what the connection itself speaks.
///
/// A peer that is not trusted to speak it, sends anything else or takes longer than `header_timeout` is closed without an answer.
final class ProxyHeaderHandler: DownstreamConnection, ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let loop: ServerLoop
    /// Puts in what is spoken behind the header, for the client that it tells of.
    private let proceed: (any Channel, DownstreamPeer) throws -> Void
    private var context: ChannelHandlerContext?
    private var input = ByteBuffer()
    private var isOpen = false
    private var isOver = false

    init(loop: ServerLoop, proceed: @escaping (any Channel, DownstreamPeer) throws -> Void) {
        self.loop = loop
        self.proceed = proceed
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { open(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        open(context)
        context.fireChannelActive()
    }

    private func open(_ context: ChannelHandlerContext) {
        guard !isOpen, !isOver else { return }
        isOpen = true
        loop.add(self)
        deadline = loop.sweep.deadline(after: loop.limits.headerTimeout)
        if !loop.census.enter() || loop.isDraining { return close() }
        if !loop.limits.trustedPeers.contains(DownstreamPeer(context.channel)) {
            refuse("a peer that may not speak the PROXY protocol")
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isOpen else { return isOver ? () : context.fireChannelRead(data) }
        input.writeImmutableBuffer(unwrapInboundIn(data))
        switch input.withUnsafeReadableBytes({ ProxyHeader.parse($0) }) {
        case .incomplete: return
        case .invalid(let mistake): refuse(mistake.message)
        case .complete(let header, let length):
            input.moveReaderIndex(forwardBy: length)
            handOver(header, context)
        }
    }

    /// The connection goes on as the client's.
    private func handOver(_ header: ProxyHeader, _ context: ChannelHandlerContext) {
        let rest = input
        let peer = Self.peer(of: header, on: context.channel)
        leave()
        do {
            try proceed(context.channel, peer)
        } catch {
            context.close(promise: nil)
            return
        }
        loop.remove(self)
        self.context = nil
        if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private static func peer(of header: ProxyHeader, on channel: any Channel) -> DownstreamPeer {
        guard case .proxied(let source, let destination) = header else { return DownstreamPeer(channel) }
        return DownstreamPeer(
            remoteAddress: source.socketAddress, localAddress: destination.socketAddress, isProxied: true)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isOpen, let event = event as? ChannelEvent, event == .inputClosed { return close() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isOpen { close() } else { context.fireErrorCaught(error) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        loop.remove(self)
        self.context = nil
        context.fireChannelInactive()
    }

    // MARK: Ends

    override func deadlinePassed(_ now: NIODeadline) { refuse("no PROXY header in time") }

    override func drain() { close() }

    override func breakOff(_ reason: StreamClosure) { close() }

    private func refuse(_ reason: StaticString) {
        loop.delegate.refusedConnection(reason, remote: context?.channel.remoteAddress)
        close()
    }

    private func close() {
        isOver = true
        leave()
        context?.close(promise: nil)
    }

    private func leave() {
        guard isOpen else { return }
        isOpen = false
        deadline = .distantFuture
        loop.census.leave()
    }
}

extension ProxyHeader.Endpoint {
    fileprivate var socketAddress: SocketAddress? {
        guard let address else { return nil }
        return try? SocketAddress(ipAddress: address.description, port: Int(port))
    }
}
