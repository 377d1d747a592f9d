import NIOCore

/// One HTTP/2 connection of a client; the only handler in its channel, or the last behind TLS.
///
///     open ──GOAWAY──▶ draining ──no stream left──▶ closing ──flushed──▶ (lingering) ──▶ closed
///       └────────── error, end of input ─────────────▲
///
/// What happens in one read event is answered with one write at its end; so is what happens in one call from elsewhere.
final class HTTP2Connection: DownstreamConnection, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case open
        /// The client was told to open no more streams.
        case draining
        case closing
        case lingering
        case closed
    }

    enum Wait {
        case request
        /// The rest of a field section.
        case fields
        /// What the exchanges wait for.
        case streams
        /// A client that reads.
        case socket
    }

    /// Bytes that are gathered before they are handed to the channel.
    static let gatherBytes = 64 * 1024
    private static let mostSpareStreams = 32

    let loop: ServerLoop
    let limits: ServerLimits
    let peer: DownstreamPeer
    let session = HTTP2Session(.server)
    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    let noBytes = ByteBuffer()

    var context: ChannelHandlerContext?
    var phase = Phase.open
    /// Whether this connection is counted in the loop's census.
    var isCounted: Bool

    // Streams.
    @exclusivity(unchecked) var streams: [HTTP2Stream] = []
    /// Streams that the client gave up and whose exchange may still be being wound up.
    @exclusivity(unchecked) var leftBehind: [HTTP2Stream] = []
    @exclusivity(unchecked) private var spareStreams: [HTTP2Stream] = []
    /// The stream whose fields are being read.
    var reading: HTTP2Stream?
    @exclusivity(unchecked) var reader: HTTP2RequestReader
    @exclusivity(unchecked) var trailers: TrailerReader
    var isReadingTrailers = false
    /// Streams that got body bytes in this event.
    @exclusivity(unchecked) var delivered: [HTTP2Stream] = []
    /// Streams that may be written again.
    @exclusivity(unchecked) private var roomy: [HTTP2Stream] = []

    // What the client's frames cost.
    @exclusivity(unchecked) private var scan = HTTP2FrameScan()
    @exclusivity(unchecked) var budget: FrameBudget

    // Sending.
    /// Bytes of answers that wait for the client's windows or for the socket.
    var unsent = 0
    private var isFull = false
    var isWritable = true
    @exclusivity(unchecked) var progress = SendProgress()
    var inputClosed = false
    private var isReading = false
    private var isSettling = false
    private var isFlushDue = false

    // Time.
    /// What the connection itself waits for.
    var wait = Wait.request
    var connectionDeadline = NIODeadline.distantFuture
    var streamDeadline = NIODeadline.distantFuture
    var goAwayDeadline = NIODeadline.distantFuture

    /// - Parameter isCounted: Whether the census already counts the connection.
    init(loop: ServerLoop, peer: DownstreamPeer, isCounted: Bool) {
        self.loop = loop
        self.peer = peer
        self.isCounted = isCounted
        limits = loop.limits
        reader = HTTP2RequestReader(limits: limits.head)
        trailers = TrailerReader(limits: limits.head)
        budget = FrameBudget(limits: limits.http2, now: loop.sweep.now)
        super.init()
        session.delegate = self
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { open() }
    }

    func channelActive(context: ChannelHandlerContext) {
        open()
        context.fireChannelActive()
    }

    private func open() {
        guard connectionDeadline == .distantFuture else { return }
        loop.add(self)
        let isWelcome = isCounted || loop.census.enter()
        isCounted = true
        session.submitSettings(
            [
                (NGHTTP2Setting.maxConcurrentStreams, limits.http2.maxStreams),
                (NGHTTP2Setting.initialWindowSize, limits.http2.streamWindow),
                (NGHTTP2Setting.maxHeaderListSize, limits.head.maxHeadBytes),
                (NGHTTP2Setting.noRFC7540Priorities, 1), (NGHTTP2Setting.enableConnectProtocol, 1),
            ], connectionWindow: limits.http2.connectionWindow)
        connectionDeadline = loop.sweep.deadline(after: limits.idleTimeout)
        deadline = connectionDeadline
        if !isWelcome {
            session.terminate(.enhanceYourCalm)
        } else if loop.isDraining {
            drain()
        }
        settle()
    }

    /// Takes the first bytes of a connection that another handler read.
    func receiveFirst(_ bytes: ByteBuffer) {
        isReading = true
        receive(bytes)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        receive(unwrapInboundIn(data))
    }

    private func receive(_ bytes: ByteBuffer) {
        guard phase == .open || phase == .draining else { return }
        let now = loop.sweep.now
        let isCalm = bytes.withUnsafeReadableBytes { raw in scan.scan(raw) { budget.arrived($0, now: now) } }
        guard isCalm else { return session.terminate(.enhanceYourCalm) }
        if !session.receive(bytes) { session.terminate(.enhanceYourCalm) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        settle()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        progress.mark(context.channel)
        if isWritable { settle() } else { updateDeadline() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        inputClosed = true
        if phase == .lingering { return close() }
        // A client that closes its half cannot open windows any more, but may still wait for answers under way.
        settle()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        loop.remove(self)
        if isCounted {
            isCounted = false
            loop.census.leave()
        }
        self.context = nil
        breakStreams(.peerClosed)
        reading = nil
        spareStreams = []
        leftBehind = []
        delivered = []
        roomy = []
    }

    // MARK: Streams

    /// Takes a stream object for a new request.
    func makeStream(_ id: Int32) -> HTTP2Stream {
        let stream = spareStreams.popLast() ?? HTTP2Stream(self, eventLoop: loop.eventLoop, peer: peer)
        stream.prepare(id)
        stream.index = streams.count
        streams.append(stream)
        return stream
    }

    /// Forgets a stream that is closed.
    func removeStream(_ stream: HTTP2Stream) {
        let index = stream.index
        guard index >= 0, index < streams.count else { return }
        stream.index = -1
        streams.swapAt(index, streams.count - 1)
        if index < streams.count - 1 { streams[index].index = index }
        streams.removeLast()
    }

    /// Keeps the object of a stream that is over for a later request, unless its exchange still holds it.
    func keep(_ stream: consuming HTTP2Stream) {
        var held = Optional(consume stream)
        guard isKnownUniquelyReferenced(&held), let stream = held else { return }
        if spareStreams.count < Self.mostSpareStreams { spareStreams.append(stream) }
    }

    /// Requests under way, those included whose stream is gone.
    func countUnderWay() -> Int {
        var index = 0
        while index < leftBehind.count {
            if isKnownUniquelyReferenced(&leftBehind[index]) {
                leftBehind.swapAt(index, leftBehind.count - 1)
                keep(leftBehind.removeLast())
            } else {
                index += 1
            }
        }
        return streams.count + leftBehind.count
    }

    /// Whether answers may grow, for all that waits of the connection's answers.
    var hasRoom: Bool {
        if unsent < limits.http2.connectionBuffer { return true }
        isFull = true
        return false
    }

    /// Notes that the handler of a stream can be told to go on.
    func noteRoom(_ stream: HTTP2Stream) {
        stream.isBlocked = false
        roomy.append(stream)
    }

    // MARK: The end of an event

    /// Sends now, at the end of the read event, or when everything that is ready on this loop has been heard.
    ///
    /// Answers of several upstream connections that arrive together leave in one write.
    func flushSoon() {
        guard !isReading, !isSettling, !isFlushDue else { return }
        if streams.count < 2 { return settle() }
        isFlushDue = true
        loop.eventLoop.assumeIsolated().execute { [self] in
            isFlushDue = false
            settle()
        }
    }

    /// Sends what there is and adjusts everything, once nothing further happens in this event.
    func settle() {
        guard !isReading, !isSettling, phase != .closed else { return }
        isSettling = true
        tellDelivered()
        repeat { send() } while tellRoom()
        isSettling = false
        settlePhase()
        updateDeadline()
    }

    private func tellDelivered() {
        var index = 0
        while index < delivered.count {
            let stream = delivered[index]
            stream.hasDelivered = false
            stream.handler?.bodyReadComplete()
            index += 1
        }
        if index > 0 { delivered.removeAll(keepingCapacity: true) }
    }

    /// Tells handlers that there is room; returns whether that may have brought something to send.
    private func tellRoom() -> Bool {
        if isFull, unsent <= limits.http2.connectionBuffer / 2 {
            isFull = false
            for stream in streams where stream.isBlocked && stream.source.count <= limits.http2.streamBufferLow {
                noteRoom(stream)
            }
        }
        guard !roomy.isEmpty else { return false }
        let ready = roomy
        roomy.removeAll(keepingCapacity: true)
        for stream in ready where stream.isActive { stream.handler?.responseWritable() }
        return true
    }

    /// Writes as much as there is and the socket takes, and flushes once.
    private func send() {
        guard let context, phase == .open || phase == .draining, session.wantsWrite else { return }
        var hasWritten = false
        var isAll = false
        while !isAll, context.channel.isWritable {
            var output = loop.spares.take()
            isAll = session.gather(into: &output, limit: Self.gatherBytes)
            let count = output.readableBytes
            guard count > 0 else {
                loop.spares.put(output)
                break
            }
            progress.wrote(count)
            hasWritten = true
            if isAll {
                context.writeAndFlush(NIOAny(output), promise: nil)
                loop.spares.put(output)
            } else {
                context.write(NIOAny(output), promise: nil)
            }
        }
        if isAll {
            session.releaseHeads { loop.spares.put($0) }
        } else if hasWritten {
            context.flush()
        }
    }

    // MARK: Closing from outside

    /// Closes once nothing is under way; streams that the client opens meanwhile are answered or told to be unprocessed.
    override func drain() {
        guard phase == .open else { return }
        phase = .draining
        if streams.isEmpty {
            session.submitGoAway()
        } else {
            // RFC 9113 §6.8: a first GOAWAY says that the connection ends, a second one round trip later with which stream.
            session.submitShutdownNotice()
            goAwayDeadline = loop.sweep.deadline(after: limits.http2.goAwayGrace)
        }
        settle()
    }

    override func breakOff(_ reason: StreamClosure) {
        guard phase != .closed else { return }
        let isOpen = phase == .open || phase == .draining
        if isOpen { phase = .closing }
        breakStreams(reason)
        close()
    }

    override func deadlinePassed(_ now: NIODeadline) { timePassed(now) }
}
