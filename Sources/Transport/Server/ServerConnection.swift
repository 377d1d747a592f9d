import NIOCore

/// One HTTP/1.1 connection of a client; the only handler in its channel.
///
///     idle ──head──▶ exchange ──response and request over──▶ idle
///       │               │ refused, or the last response is out
///       └───────────────┴──▶ closing ──flushed──▶ (lingering) ──▶ closed
///
/// Requests are answered in order: the next head is read when the exchange before is over. Until then input waits here
/// up to `ServerLimits.maxPipelinedBytes`; then the socket is not read.
///
/// The values marked `@exclusivity(unchecked)` are only changed in calls that call nothing back, on one event loop. The
/// checks at run time would cost some 3% of a small request.
final class ServerConnection: DownstreamConnection, ChannelInboundHandler, RemovableChannelHandler, SoleHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case idle
        case exchange
        case closing
        case lingering
        case closed
    }

    enum ResponsePhase {
        case awaitsHead
        case body
        case over
    }

    let loop: ServerLoop
    let limits: ServerLimits
    private(set) var peer: DownstreamPeer
    @exclusivity(unchecked) private var parser: RequestHeadParser

    var context: ChannelHandlerContext?
    /// The channel, if this handler is alone in it and it can do without a pipeline.
    private(set) var direct: (any DirectChannel)?
    var phase = Phase.idle
    var stream: HTTP1Stream?
    var handler: (any RequestHandler)?

    // The request.
    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    let noBytes = ByteBuffer()
    @exclusivity(unchecked) var input = ByteBuffer()
    @exclusivity(unchecked) var body: BodyReader
    var isBodyAccepted = false
    var isBodyPaused = false
    var isRequestOver = true
    var owesContinue = false
    var hasDelivered = false
    var inputClosed = false
    var drained = 0
    private(set) var isInsideHead = false
    private var hasServed = false
    private var isReadingPaused = false

    // The response.
    @exclusivity(unchecked) var output = OutputGather()
    var responsePhase = ResponsePhase.over
    @exclusivity(unchecked) var framing = ResponseFraming.unset
    var remaining: UInt64 = 0
    /// Whether a 101 was the answer: both directions are opaque from then on.
    var isTunnel = false
    /// Whether all that went into a tunnel has left, and no more will.
    var isTunnelSent = false
    var isWritable = true
    var needsFlush = false
    @exclusivity(unchecked) var progress = SendProgress()

    private let isPeerKnown: Bool
    /// Whether the first bytes may be an HTTP/2 preface.
    var takesPreface: Bool
    var isCounted = false
    private var isReading = false
    private var isPumping = false

    /// - Parameters:
    ///   - peer: Who the client is, where something before this handler found it out; else the channel tells.
    ///   - takesPreface: Whether a client may speak HTTP/2 from its first byte on, without asking (RFC 9113 §3.3).
    init(loop: ServerLoop, peer: DownstreamPeer? = nil, takesPreface: Bool = false) {
        self.loop = loop
        self.takesPreface = takesPreface
        self.peer = peer ?? DownstreamPeer(remoteAddress: nil)
        isPeerKnown = peer != nil
        limits = loop.limits
        parser = RequestHeadParser(limits: limits.head)
        body = BodyReader(limits: limits.head)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { open(context) }
    }

    /// Goes without the pipeline, in which no other handler may be; or, with nil, by way of it again.
    func use(_ channel: (any DirectChannel)?) {
        direct?.soleHandler = nil
        direct = channel
        direct?.soleHandler = self
    }

    func channelActive(context: ChannelHandlerContext) {
        open(context)
    }

    private func open(_ context: ChannelHandlerContext) {
        guard !isCounted else { return }
        isCounted = true
        if !isPeerKnown { peer = DownstreamPeer(context.channel) }
        loop.add(self)
        if !loop.census.enter() {
            output.append { $0.writeStaticString(Self.overload) }
            finishConnection(lingers: false)
        } else {
            deadline = loop.sweep.deadline(after: loop.isDraining ? limits.drainGrace : limits.idleTimeout)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received(unwrapInboundIn(data))
    }

    func received(_ bytes: ByteBuffer) {
        guard phase == .idle || phase == .exchange else { return }
        isReading = true
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeImmutableBuffer(bytes)
        }
        pump()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        readCompleted()
    }

    func readCompleted() {
        isReading = false
        settle()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        progress.mark(context.channel)
        updateDeadline()
        guard isWritable, phase == .exchange || phase == .idle else { return }
        if responsePhase != .over { handler?.responseWritable() }
        pump()
        settle()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else { return }
        inputClosed = true
        switch phase {
        case .idle, .exchange:
            pump()
            settle()
        case .lingering:
            close()
        case .closing, .closed:
            break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let broken = takeHandler()
        phase = .closed
        if isCounted {
            isCounted = false
            loop.census.leave()
        }
        loop.remove(self)
        self.context = nil
        direct = nil
        stream = nil
        input = noBytes
        // HTTP/2 may just have taken over.
        context.fireChannelInactive()
        broken?.downstreamClosed(.peerClosed)
    }

    // MARK: The cycle of exchanges

    /// Goes on as far as input, handler and client allow.
    func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        var goesOn = true
        while goesOn {
            switch phase {
            case .idle: goesOn = isWritable && readHead()
            case .exchange: goesOn = readBody()
            case .closing, .lingering, .closed: goesOn = false
            }
        }
    }

    /// Flushes and adjusts reading once nothing further happens in this event.
    func settle() {
        guard !isPumping, !isReading else { return }
        if hasDelivered {
            hasDelivered = false
            handler?.bodyReadComplete()
        }
        if needsFlush { flushNow() }
        if phase == .idle, inputClosed, input.readableBytes == 0 || isInsideHead { finishConnection(lingers: false) }
        updateReading()
    }

    private func readHead() -> Bool {
        guard input.readableBytes > 0 else { return false }
        if stream == nil || !isKnownUniquelyReferenced(&stream) { stream = makeStream() }
        guard let stream else { return false }
        switch parser.parse(&input, into: &stream.head) {
        case .incomplete:
            if !isInsideHead {
                isInsideHead = true
                deadline = loop.sweep.deadline(after: limits.headerTimeout)
            }
            return false
        case .refused(let refusal):
            if !takesPreface || !becomeHTTP2() { refuse(refusal) }
            return false
        case .complete:
            takesPreface = false
            if input.readableBytes == 0 { input = noBytes }
            isInsideHead = false
            begin(stream)
            return true
        }
    }

    private func makeStream() -> HTTP1Stream {
        HTTP1Stream(self, eventLoop: loop.eventLoop, peer: peer)
    }

    private func begin(_ stream: HTTP1Stream) {
        if case .length(let length) = stream.head.body, let limit = limits.maxBodyBytes, length > limit {
            refuse(.bodyTooLarge)
            return
        }
        phase = .exchange
        hasServed = true
        responsePhase = .awaitsHead
        isBodyAccepted = false
        isBodyPaused = false
        isRequestOver = stream.head.body.isEmpty
        owesContinue = stream.head.expectsContinue
        body.start(stream.head.body, limit: limits.maxBodyBytes)
        stream.isActive = true
        stream.closesAfterResponse = !stream.head.keepAlive
        deadline = .distantFuture
        let handler = loop.delegate.begin(stream)
        if stream.isActive { self.handler = handler }
    }

    /// Ends the exchange; called when response and request are both over.
    func endExchange() {
        handler = nil
        stream?.isActive = false
        stream?.head.bytes = noBytes
        if framing.closes || loop.isDraining || inputClosed && input.readableBytes == 0 {
            finishConnection(lingers: !inputClosed && input.readableBytes > 0)
            return
        }
        phase = .idle
        deadline = loop.sweep.deadline(after: limits.idleTimeout)
        pump()
    }

    // MARK: Time

    /// Sets the deadline that belongs to what the connection waits for.
    func updateDeadline() {
        guard phase == .exchange else { return }
        if !isWritable {
            deadline = loop.sweep.deadline(after: limits.writeTimeout)
        } else if isTunnel {
            deadline = loop.sweep.deadline(after: tunnelTimeout)
        } else if responsePhase == .over {
            deadline = loop.sweep.deadline(after: limits.bodyIdleTimeout)
        } else if isBodyAccepted, !isRequestOver, !isBodyPaused {
            deadline = loop.sweep.deadline(after: limits.bodyIdleTimeout)
        } else {
            deadline = .distantFuture
        }
    }

    override func deadlinePassed(_ now: NIODeadline) {
        switch phase {
        case .idle:
            if clientStillReads() { return }
            if isInsideHead { refuse(.headTimeout) } else { close() }
        case .exchange:
            if !isWritable {
                if !clientStillReads() { breakOff(.writeTimeout) }
            } else {
                breakOff(isTunnel ? .tunnelTimeout : .bodyTimeout)
            }
        case .closing:
            if !clientStillReads() { close() }
        case .lingering:
            close()
        case .closed:
            break
        }
    }

    /// Whether the client took bytes since the deadline was set; if so the deadline moves on.
    private func clientStillReads() -> Bool {
        guard progress.hasMoved(context?.channel) else { return false }
        deadline = loop.sweep.deadline(after: limits.writeTimeout)
        return true
    }

    // MARK: Closing from outside

    override func breakOff(_ reason: StreamClosure) {
        let broken = takeHandler()
        close()
        broken?.downstreamClosed(reason)
    }

    override func drain() {
        guard phase == .idle, !isInsideHead else { return }
        if hasServed {
            finishConnection(lingers: false)
        } else {
            // Its request may be on its way: closing now would reset it.
            deadline = min(deadline, loop.sweep.deadline(after: limits.drainGrace))
        }
    }

    // MARK: Reading

    /// Stops reading while too much input waits, and starts again when it is gone.
    func updateReading() {
        let isFull = (phase == .idle || phase == .exchange) && input.readableBytes >= limits.maxPipelinedBytes
        guard isFull != isReadingPaused, let context, phase != .closed else { return }
        isReadingPaused = isFull
        try? context.channel.syncOptions?.setOption(ChannelOptions.Types.AutoReadOption(), value: !isFull)
    }
}
