import NIOCore

/// What the TLS handler tells the handlers behind it.
enum TLSEvent {
    /// The handshake is over and the peer's certificate accepted.
    case handshakeCompleted
}

/// Puts TLS between a channel and the handlers behind it.
///
/// ```
/// handshaking ──done──▶ open ──close_notify, close()──▶ closed
///      └──────────── failure, end of input ──────────────▲
/// ```
/// Failures arrive as a `TransportError` through `errorCaught`, then the channel closes. An end of input that the peer
/// did not announce (RFC 8446 §6.1) is the error `truncated`, before `channelInactive`.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case handshaking, open, closed
    }

    /// The most bytes that may be written before the handshake is over.
    static let maxBytesBeforeHandshake = 1 << 20

    private let engine: TLSEngine
    private var state = State.handshaking
    private var writes = PendingTLSWrites()
    private var hasDeliveredSinceRead = false

    init(engine: TLSEngine) {
        self.engine = engine
    }

    // MARK: Inbound

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { proceed(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        state = .closed
        writes.fail(ChannelError.ioOnClosedChannel)
    }

    func channelActive(context: ChannelHandlerContext) {
        proceed(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .closed else { return }
        let ciphertext = unwrapInboundIn(data)
        guard ciphertext.withUnsafeReadableBytes({ engine.receive($0) }) else {
            return fail(TransportError(.tlsFailed, detail: "out of memory"), context)
        }
        proceed(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Whoever asked for a read still waits for it while all that came was part of a record.
        if !hasDeliveredSinceRead, state != .closed { context.read() }
        hasDeliveredSinceRead = false
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let ended = state
        state = .closed
        writes.fail(ChannelError.ioOnClosedChannel)
        switch ended {
        case .handshaking:
            context.fireErrorCaught(TransportError(.tlsHandshakeFailed, detail: "the peer closed the connection"))
        case .open: context.fireErrorCaught(TransportError(.truncated))
        case .closed: break
        }
        context.fireChannelInactive()
    }

    private func proceed(_ context: ChannelHandlerContext) {
        if state == .handshaking {
            let step = engine.handshake()
            sendOutput(context)
            switch step {
            case .wantsInput: return
            case .failed(let error): return fail(error, context)
            case .done:
                state = .open
                context.fireUserInboundEventTriggered(TLSEvent.handshakeCompleted)
                encrypt(context)
            }
        }
        if state == .open { deliver(context) }
    }

    private func deliver(_ context: ChannelHandlerContext) {
        var plaintext = context.channel.allocator.buffer(capacity: 0)
        let step = engine.read(into: &plaintext)
        // Reading can answer the peer, for instance a key update.
        sendOutput(context)
        if plaintext.readableBytes > 0 {
            hasDeliveredSinceRead = true
            context.fireChannelRead(wrapInboundOut(plaintext))
        }
        guard state == .open else { return }
        switch step {
        case .wantsInput: break
        case .closed: close(context: context, mode: .all, promise: nil)
        case .failed(let error): fail(error, context)
        }
    }

    private func fail(_ error: TransportError, _ context: ChannelHandlerContext) {
        guard state != .closed else { return }
        state = .closed
        sendOutput(context)
        writes.fail(error)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        guard state != .closed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        if state == .handshaking, writes.bytes + bytes.readableBytes > TLSHandler.maxBytesBeforeHandshake {
            promise?.fail(ChannelError.writeMessageTooLarge)
            return fail(TransportError(.tlsFailed, detail: "too much was written before the handshake"), context)
        }
        writes.append(bytes, promise)
    }

    func flush(context: ChannelHandlerContext) {
        writes.mark()
        if state == .open { encrypt(context) }
        context.flush()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input, state != .closed {
            engine.close()
            sendOutput(context)
            if mode == .all {
                state = .closed
                writes.fail(ChannelError.ioOnClosedChannel)
            }
        }
        context.close(mode: mode, promise: promise)
    }

    /// Encrypts every flushed write and hands the outcome to the channel at once.
    private func encrypt(_ context: ChannelHandlerContext) {
        guard writes.hasMarked else { return }
        let promises = writes.takeMarked { engine.write($0) }
        switch promises {
        case .success(let promise): sendOutput(context, promise)
        case .failure(let error): fail(error, context)
        }
    }

    private func sendOutput(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>? = nil) {
        let count = engine.outputBytes
        guard count > 0 else {
            promise?.succeed()
            return
        }
        var ciphertext = context.channel.allocator.buffer(capacity: count)
        engine.takeOutput(into: &ciphertext)
        context.writeAndFlush(wrapOutboundOut(ciphertext), promise: promise)
    }
}
