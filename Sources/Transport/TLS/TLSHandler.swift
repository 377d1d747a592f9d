import NIOCore

/// What the TLS handler tells the handlers behind it.
enum TLSEvent {
    /// The handshake is over, and the peer's certificate accepted where one was asked for.
    case handshakeCompleted
    /// A client spoke HTTP without TLS; it was answered, and nothing more is read or written.
    case refusedPlaintext
}

/// Puts TLS between a channel and the handlers behind it, on either side.
///
/// ```
/// handshaking ──done──▶ open ──close_notify, close()──▶ closed
///      └──────────── failure, end of input ──────────────▲
/// ```
/// Failures arrive as a `TransportError` through `errorCaught`, then the channel closes. On a client's side an end of
/// input that the peer did not announce (RFC 8446 §6.1) is the error `truncated`, before `channelInactive`, and an announced
/// one closes. On a server's side either is `ChannelEvent.inputClosed`, as without TLS: requests tell their own end.
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
    /// The most bytes of answers within TLS, to key updates and the like, for a peer that does not read.
    static let maxUnreadAnswers = 16 << 10

    /// The longest wait for a peer to take the announcement of the end.
    static let closeTimeout = TimeAmount.seconds(5)

    let engine: TLSEngine
    private var state = State.handshaking
    private var writes = PendingTLSWrites()
    private var hasDeliveredSinceRead = false
    private var hasReceived = false
    private var unreadAnswers = 0
    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    private let noBytes = ByteBuffer()

    init(engine: TLSEngine) {
        self.engine = engine
    }

    // MARK: Inbound

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        state = .closed
        writes.fail(ChannelError.ioOnClosedChannel)
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    /// A client speaks first.
    private func begin(_ context: ChannelHandlerContext) {
        if engine.side == .client { proceed(context) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .closed else { return }
        let ciphertext = unwrapInboundIn(data)
        if !hasReceived {
            hasReceived = true
            if engine.side == .server, Self.isPlaintext(ciphertext) { return refusePlaintext(context) }
        }
        engine.receive(ciphertext)
        proceed(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Whoever asked for a read still waits for it while all that came was part of a record.
        if !hasDeliveredSinceRead, state != .closed { context.read() }
        hasDeliveredSinceRead = false
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { unreadAnswers = 0 }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let ended = state
        state = .closed
        writes.fail(ChannelError.ioOnClosedChannel)
        switch ended {
        case .handshaking:
            context.fireErrorCaught(TransportError(.tlsHandshakeFailed, detail: "the peer closed the connection"))
        case .open where engine.side == .client: context.fireErrorCaught(TransportError(.truncated))
        case .open, .closed: break
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
        var plaintext = noBytes
        let step = engine.read(into: &plaintext)
        sendAnswers(context)
        if plaintext.readableBytes > 0 {
            hasDeliveredSinceRead = true
            context.fireChannelRead(wrapInboundOut(plaintext))
        }
        guard state == .open else { return }
        switch step {
        case .wantsInput: break
        case .closed:
            if engine.side == .client {
                close(context: context, mode: .all, promise: nil)
            } else {
                context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            }
        case .failed(let error): fail(error, context)
        }
    }

    /// Sends what reading has made OpenSSL answer, for instance to a key update, within a limit for who does not read.
    private func sendAnswers(_ context: ChannelHandlerContext) {
        guard let answers = engine.takeOutput() else { return }
        if !context.channel.isWritable {
            unreadAnswers += answers.readableBytes
            guard unreadAnswers <= Self.maxUnreadAnswers else {
                return fail(TransportError(.tlsFailed, detail: "the peer does not read what it asks for"), context)
            }
        }
        context.writeAndFlush(wrapOutboundOut(answers), promise: nil)
    }

    private func fail(_ error: TransportError, _ context: ChannelHandlerContext) {
        guard state != .closed else { return }
        state = .closed
        sendOutput(context)
        writes.fail(error)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    // MARK: HTTP without TLS

    /// Whether a connection begins like an HTTP request: a TLS record begins with its type, 22 (RFC 8446 §5.1).
    private static func isPlaintext(_ bytes: ByteBuffer) -> Bool {
        guard let first = bytes.readableBytesView.first else { return false }
        return UInt8(ascii: "A")...UInt8(ascii: "Z") ~= first
    }

    private static let plaintextAnswer: StaticString = """
        HTTP/1.1 400 Bad Request\r
        content-type: text/plain\r
        content-length: 60\r
        connection: close\r
        \r
        This port speaks TLS: ask again with https instead of http.

        """

    private func refusePlaintext(_ context: ChannelHandlerContext) {
        state = .closed
        context.fireUserInboundEventTriggered(TLSEvent.refusedPlaintext)
        var answer = context.channel.allocator.buffer(capacity: 256)
        answer.writeStaticString(Self.plaintextAnswer)
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        // The rest of the request may still be coming: closing now could destroy the answer (RFC 9112 §9.6).
        context.close(mode: .output, promise: nil)
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
        if state == .open, writes.hasMarked { encrypt(context) } else { context.flush() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode != .input, state != .closed else { return context.close(mode: mode, promise: promise) }
        // What is cut off anyway does not wait for its end to be announced.
        let isWhole = unsentBytes(context) == 0
        engine.close()
        if mode == .all {
            state = .closed
            writes.fail(ChannelError.ioOnClosedChannel)
        }
        guard mode == .all, isWhole, let notice = engine.takeOutput() else {
            sendOutput(context)
            return context.close(mode: mode, promise: promise)
        }
        close(context, after: notice, promise)
    }

    /// Closes once the announcement of the end has left: nearly always at once, and after the limit in any case.
    private func close(_ context: ChannelHandlerContext, after notice: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(notice), promise: sent)
        guard unsentBytes(context) > 0 else { return context.close(promise: promise) }
        let late = context.eventLoop.assumeIsolated().scheduleTask(in: Self.closeTimeout) { sent.succeed() }
        sent.futureResult.assumeIsolated().whenComplete { _ in
            late.cancel()
            context.close(promise: promise)
        }
    }

    private func unsentBytes(_ context: ChannelHandlerContext) -> Int {
        let option = ChannelOptions.Types.BufferedWritableBytesOption()
        return (try? context.channel.syncOptions?.getOption(option)) ?? 0
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

    /// - Parameter promise: Kept once everything up to here has left, even if there is nothing to send now.
    private func sendOutput(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>? = nil) {
        let output = engine.takeOutput()
        guard output != nil || promise != nil else { return }
        context.writeAndFlush(wrapOutboundOut(output ?? noBytes), promise: promise)
    }
}
