import NIOCore

/// One connection to an upstream; the only handler in its channel.
///
///     connecting ──▶ idle ──begin──▶ head ──▶ body ──▶ idle
///                      │               └───────┴──▶ closed
///                      │       │
///                      │       └──101──▶ tunnel ──▶ closed
///                      └─ any byte or end of input ─▶ closed
///
/// The values marked `@exclusivity(unchecked)` are only changed in calls that call nothing back, on one event loop.
final class UpstreamConnection: Deadlined, ChannelInboundHandler, RequestCarrier, SoleHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case idle
        case head
        case body
        case tunnel
        case closed
    }

    /// Interim answers that one request may get.
    static let maxInterimAnswers = 32

    let pool: UpstreamPool
    var context: ChannelHandlerContext?
    /// The channel, if this handler is alone in it and it can do without a pipeline.
    private(set) var direct: (any DirectChannel)?
    var phase = Phase.idle
    /// The request that is carried, or the last one that was.
    @exclusivity(unchecked) var request: UpstreamRequest?
    /// Whether the server's name no longer leads to its address.
    var isOutdated = false
    /// Whether an answer was read to its end before the present request.
    private var isReused = false

    // The answer.
    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    let noBytes = ByteBuffer()
    @exclusivity(unchecked) var input = ByteBuffer()
    @exclusivity(unchecked) private var parser: ResponseHeadParser
    @exclusivity(unchecked) var head = ResponseHead()
    @exclusivity(unchecked) private var body: BodyReader
    private var isReceiving = false
    private var interimAnswers = 0
    private var hasDelivered = false
    var sawError = false
    /// Whether the upstream has closed its direction of a tunnel.
    var isTunnelOver = false
    /// Whether all that went into a tunnel has left, and no more will.
    var isTunnelSent = false
    private var isReading = false
    private var isReadingPaused = false

    // The request.
    @exclusivity(unchecked) var output = OutputGather()
    var isRequestOver = true
    var remaining: UInt64 = 0
    var isWritable = true
    @exclusivity(unchecked) var progress = SendProgress()

    init(pool: UpstreamPool) {
        self.pool = pool
        parser = ResponseHeadParser(limits: pool.configuration.head)
        body = BodyReader(limits: pool.configuration.head)
    }

    var isIdle: Bool { phase == .idle }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    /// Goes without the pipeline; no other handler may be in it.
    func use(_ channel: (any DirectChannel)?) {
        direct = channel
        channel?.soleHandler = self
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received(unwrapInboundIn(data))
    }

    func received(_ bytes: ByteBuffer) {
        guard phase == .head || phase == .body || phase == .tunnel else {
            // Nothing was asked, so these bytes belong to no answer.
            return close()
        }
        isReading = true
        if !isReceiving {
            isReceiving = true
            if let head = request?.takeHead() { pool.spares.put(head) }
        }
        hasDelivered = true
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeImmutableBuffer(bytes)
        }
        readAnswer()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        readCompleted()
    }

    func readCompleted() {
        isReading = false
        guard hasDelivered, phase != .idle, phase != .closed else { return }
        hasDelivered = false
        updateDeadline()
        request?.handler?.readComplete()
        updateReading()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        progress.mark(context.channel)
        updateDeadline()
        guard isWritable, !isRequestOver, let request, request.isActive else { return }
        request.handler?.upstreamWritable()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { tunnelEnded() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        sawError = true
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let phase = phase
        let request = request
        self.phase = .closed
        self.context = nil
        direct = nil
        self.request = nil
        input = noBytes
        pool.closed(self, wasIdle: phase == .idle)
        if let request, request.isActive, phase != .idle, phase != .closed { broke(request, in: phase) }
        pool.balance()
    }

    /// Decides what the loss of the connection means for its request.
    private func broke(_ request: UpstreamRequest, in phase: Phase) {
        if phase == .tunnel {
            tunnelBroke(request)
        } else if phase == .body, head.body == .untilClose, !sawError {
            request.finish()?.responseEnded(trailers: nil)
        } else if isReceiving {
            request.fail(.brokenOff)
        } else if isReused, request.isRetryable {
            pool.retry(request)
        } else {
            request.fail(.closedBeforeResponse)
        }
    }

    // MARK: The answer

    /// Carries a request; the connection is idle.
    func begin(_ request: UpstreamRequest) {
        self.request = request
        request.carrier = self
        request.wasSent = true
        phase = .head
        isReceiving = false
        interimAnswers = 0
        sendHead(request)
    }

    private func readAnswer() {
        while true {
            switch phase {
            case .head: guard readHead() else { return }
            case .body: guard readBody() else { return }
            case .tunnel: guard readTunnel() else { return }
            case .idle, .closed: return
            }
        }
    }

    private func readHead() -> Bool {
        guard let request, input.readableBytes > 0 else { return false }
        switch parser.parse(&input, method: request.method, into: &head) {
        case .incomplete:
            return false
        case .refused(.headTooLarge), .refused(.tooManyFields):
            breakOff(.headTooLarge)
        case .refused(let refusal):
            breakOff(.malformedResponse(refusal.reason))
        case .complete where head.status == 101:
            // Where no upgrade was asked for, what follows it would not be HTTP.
            guard request.mayUpgrade, isRequestOver, !head.isHTTP10 else {
                breakOff(.malformedResponse("unexpected 101"))
                return false
            }
            return switchProtocols(request)
        case .complete where head.status < 200:
            interimAnswers += 1
            guard interimAnswers <= Self.maxInterimAnswers else {
                breakOff(.malformedResponse("too many interim answers"))
                return false
            }
            request.handler?.informational(head)
            return phase == .head
        case .complete:
            body.start(head.body)
            phase = .body
            request.answered(status: head.status)
            request.handler?.responseHead(head)
            head.bytes = noBytes
            return phase == .body
        }
        return false
    }

    private func readBody() -> Bool {
        switch body.next(&input) {
        case .data(let bytes):
            request?.handler?.responseBody(bytes)
            return phase == .body
        case .end(let trailers):
            endAnswer(trailers)
            return false
        case .incomplete:
            if input.readableBytes == 0 { input = noBytes }
            return false
        case .refused(let refusal):
            breakOff(.malformedResponse(refusal.reason))
            return false
        }
    }

    /// Gives the connection back, or closes it, before the handler hears of the end.
    private func endAnswer(_ trailers: ByteBuffer?) {
        let isClean = input.readableBytes == 0 && isRequestOver && head.keepAlive && !mayBringBody
        input = noBytes
        let handler = request?.finish()
        if isClean {
            phase = .idle
            isReused = true
            hasDelivered = false
            deadline = pool.sweep.deadline(after: pool.configuration.keepAliveTimeout)
            updateReading()
            pool.release(self)
        } else {
            close()
        }
        handler?.responseEnded(trailers: trailers)
    }

    /// Whether a server that answers HEAD with the body of GET could still send one, late.
    private var mayBringBody: Bool {
        request?.method == .head && head.contentLength != 0 && head.status != 204 && head.status != 304
    }

    /// Ends the exchange with an error and closes; nothing of the connection is used again.
    func breakOff(_ error: UpstreamError) {
        let request = request
        close()
        request?.fail(error)
    }

    func abandon() { close() }

    /// Closes without a word to the handler.
    func close() {
        guard phase != .closed else { return }
        let wasIdle = phase == .idle
        phase = .closed
        // Out of the idle list at once, so that no request gets it before the channel is closed.
        if wasIdle { pool.forget(self) }
        context?.close(promise: nil)
    }

    // MARK: Time and back-pressure

    func updateDeadline() {
        let configuration = pool.configuration
        switch phase {
        case .idle, .closed:
            break
        case .head where !isRequestOver, .body where !isRequestOver:
            deadline = isWritable ? .distantFuture : pool.sweep.deadline(after: configuration.bodyIdleTimeout)
        case .tunnel:
            let waits = isWritable && !(isRequestOver && isTunnelOver)
            deadline = waits ? .distantFuture : pool.sweep.deadline(after: configuration.bodyIdleTimeout)
        case .head:
            let latest = request?.answerBy ?? .distantFuture
            deadline = min(latest, pool.sweep.deadline(after: configuration.firstByteTimeout))
        case .body:
            let isPaused = request?.isPaused == true
            deadline = isPaused ? .distantFuture : pool.sweep.deadline(after: configuration.bodyIdleTimeout)
        }
    }

    override func deadlinePassed(_ now: NIODeadline) {
        switch phase {
        case .idle, .closed:
            close()
        case .head where isRequestOver:
            breakOff(.firstByteTimeout)
        case .head, .body, .tunnel:
            if !isRequestOver || phase == .tunnel, progress.hasMoved(context?.channel) { return updateDeadline() }
            breakOff(.idleTimeout)
        }
    }

    func pausedChanged() {
        if !isReading { updateReading() }
        updateDeadline()
    }

    /// Reads or does not, as the request wants it; nothing is changed inside a read event.
    private func updateReading() {
        let isPaused = phase != .idle && request?.isPaused == true
        guard isPaused != isReadingPaused, let context, phase != .closed else { return }
        isReadingPaused = isPaused
        try? context.channel.syncOptions?.setOption(ChannelOptions.Types.AutoReadOption(), value: !isPaused)
    }
}
