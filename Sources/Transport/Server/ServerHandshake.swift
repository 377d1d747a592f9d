import NIOCore

/// A client's connection until its TLS handshake is over; then the protocol's handler takes its place.
///
/// It is counted and watched like any connection: a handshake that takes too long is closed, and draining closes all.
final class ServerHandshake: DownstreamConnection, ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let pipeline: ServerPipeline
    private let tls: ServerTLS
    private let handler: TLSHandler
    private let peer: DownstreamPeer?
    private var context: ChannelHandlerContext?
    private var isCounted = false
    private var isOver = false

    private var loop: ServerLoop { pipeline.loop }

    init(pipeline: ServerPipeline, tls: ServerTLS, handler: TLSHandler, peer: DownstreamPeer?) {
        self.pipeline = pipeline
        self.tls = tls
        self.handler = handler
        self.peer = peer
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { open(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        open(context)
    }

    private func open(_ context: ChannelHandlerContext) {
        guard !isCounted else { return }
        isCounted = true
        loop.add(self)
        // One connection too many is not worth a handshake, without which nothing can be answered.
        guard loop.census.enter(), !loop.isDraining else { return close() }
        deadline = loop.sweep.deadline(after: loop.limits.handshakeTimeout)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSEvent.handshakeCompleted:
            complete(context)
        case TLSEvent.refusedPlaintext:
            failed(TransportError(.tlsHandshakeFailed, detail: "the client spoke HTTP without TLS"))
            deadline = loop.sweep.deadline(after: loop.limits.lingerTimeout)
        case ChannelEvent.inputClosed:
            close()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failed(error as? TransportError ?? TransportError(.tlsHandshakeFailed))
        close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        self.context = nil
        context.fireChannelInactive()
    }

    // MARK: The end

    private func complete(_ context: ChannelHandlerContext) {
        guard !isOver, context.channel.isActive else { return }
        isOver = true
        let summary = handler.engine.summary
        tls.counts.complete(isResumed: summary.isResumed)
        let peer = (peer ?? DownstreamPeer(context.channel)).secured(summary)
        // Its place is free for the handler that follows; the sweep goes on watching the one or the other.
        loop.census.leave()
        isCounted = false
        do {
            try pipeline.installProtocol(summary.spoken ?? .http1, on: context.channel, peer: peer)
        } catch {
            context.close(promise: nil)
        }
        loop.remove(self)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        self.context = nil
    }

    private func failed(_ error: TransportError) {
        guard !isOver else { return }
        isOver = true
        tls.counts.fail()
        tls.failed?(error)
    }

    private func leave() {
        guard isCounted else { return }
        isCounted = false
        loop.census.leave()
        loop.remove(self)
    }

    private func close() {
        failed(TransportError(.tlsHandshakeFailed, detail: "the connection was closed"))
        context?.close(promise: nil)
    }

    // MARK: Closing from outside

    override func deadlinePassed(_ now: NIODeadline) {
        failed(TransportError(.tlsHandshakeFailed, detail: "the handshake took too long"))
        context?.close(promise: nil)
    }

    override func drain() { close() }

    override func breakOff(_ reason: StreamClosure) { close() }
}
