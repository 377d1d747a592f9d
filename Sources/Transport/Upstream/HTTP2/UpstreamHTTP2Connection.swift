import NIOCore

/// One HTTP/2 connection to an upstream; the only handler in its channel, or the last behind TLS.
///
///     open ──GOAWAY, no longer wanted──▶ leaving ──no stream left──▶ closed
///       └───────────── error, end of input ───────────────────────────▲
///
/// It carries many requests; each ends on its own, and so does each when the connection is lost. What happens in one read
/// event is sent with one write at its end; so is what happens in one turn of the loop.
final class UpstreamHTTP2Connection: Deadlined, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case open
        /// Takes no more requests.
        case leaving
        case closed
    }

    /// Bytes that are gathered before they are handed to the channel.
    private static let gatherBytes = 64 * 1024
    private static let mostSpareStreams = 32

    let pool: UpstreamPool
    let limits: UpstreamHTTP2Limits
    let session = HTTP2Session(.client)
    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    let noBytes = ByteBuffer()

    var context: ChannelHandlerContext?
    var phase = Phase.open
    private var hasStarted = false
    /// Whether the server has told its limits; until then one request is all that it gets.
    var hasSettings = false
    /// Whether the head of a frame came.
    private var hasHeard = false
    /// Whether the server speaks something else.
    private var isStrange = false
    /// Whether an answer came, so that the connection once was what requests need.
    var hasAnswered = false

    // Streams.
    @exclusivity(unchecked) var streams: [UpstreamHTTP2Stream] = []
    @exclusivity(unchecked) private var spareStreams: [UpstreamHTTP2Stream] = []
    /// Streams that are over, until the end of the event.
    @exclusivity(unchecked) private var finished: [UpstreamHTTP2Stream] = []
    /// The stream whose fields are being read.
    var reading: UpstreamHTTP2Stream?
    @exclusivity(unchecked) var head = ResponseHead()
    @exclusivity(unchecked) var reader: HTTP2ResponseReader
    @exclusivity(unchecked) var trailers: TrailerReader
    /// Streams that got something in this event.
    @exclusivity(unchecked) var delivered: [UpstreamHTTP2Stream] = []
    /// Streams that go on after a pause.
    @exclusivity(unchecked) var resumed: [UpstreamHTTP2Stream] = []
    /// Streams whose request body may flow again.
    @exclusivity(unchecked) var roomy: [UpstreamHTTP2Stream] = []

    // What the server's frames cost.
    @exclusivity(unchecked) private var scan = HTTP2FrameScan(skipping: 0)
    @exclusivity(unchecked) var budget: FrameBudget

    // Sending.
    private(set) var isWritable = true
    @exclusivity(unchecked) var progress = SendProgress()
    /// Whether nothing can be made of the server's bytes any more.
    private(set) var hasFailed = false
    private var isReading = false
    private var isSettling = false
    private var isFlushDue = false

    // Time.
    var streamDeadline = NIODeadline.distantFuture
    var socketDeadline = NIODeadline.distantFuture
    var waitsForSocket = false
    var idleDeadline = NIODeadline.distantFuture
    /// Until when the server must show that the connection still stands.
    var pingDeadline = NIODeadline.distantFuture

    init(pool: UpstreamPool) {
        self.pool = pool
        limits = pool.configuration.http2
        reader = HTTP2ResponseReader(limits: pool.configuration.head)
        trailers = TrailerReader(limits: pool.configuration.head)
        budget = FrameBudget(limits, now: pool.sweep.now)
        super.init()
        session.delegate = self
    }

    // MARK: What the pool asks

    var isOpen: Bool { phase == .open && context != nil }
    var isIdle: Bool { phase == .open && streams.isEmpty }
    private var isDoubtful: Bool { pingDeadline != .distantFuture }
    private var capacity: Int { hasSettings ? min(limits.maxStreams, session.peerMaxStreams) : 1 }
    /// Whether it can carry one more request now.
    var hasRoom: Bool { phase == .open && !isDoubtful && streams.count < capacity }
    /// Whether it carries all that it ever will at once; false while that is not known.
    var isFull: Bool { isDoubtful || (hasSettings && !streams.isEmpty && streams.count >= capacity) }

    /// Carries a request; there is room.
    func begin(_ request: UpstreamRequest) {
        start()
        let stream = spareStreams.popLast() ?? UpstreamHTTP2Stream(self)
        stream.prepare(request)
        guard stream.submit() else {
            // The server has ended the connection, or its numbers are used up.
            stream.letGo()
            spareStreams.append(stream)
            retire()
            return pool.carry(request, on: nil)
        }
        stream.index = streams.count
        streams.append(stream)
        let awaitsBody = request.body != .none && request.sendEarly(stream)
        stream.updateDeadline()
        updateDeadline()
        if awaitsBody, !request.isStarting, request.isActive, stream.isWritable { request.handler?.upstreamWritable() }
        // With a body to come, or others under way, what is ready in this turn of the loop leaves together.
        if request.body == .none, streams.count == 1, !isReading { settle() } else { flushSoon() }
    }

    /// Takes no more requests, and closes once those under way are over.
    func retire() {
        guard phase == .open else { return }
        phase = .leaving
        pool.retired(self)
        if !isReading, !isSettling { settlePhase() }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { start() }
    }

    func channelActive(context: ChannelHandlerContext) {
        start()
        context.fireChannelActive()
    }

    /// Sends the preface and our settings (RFC 9113 §3.4).
    func start() {
        guard !hasStarted, let context, context.channel.isActive else { return }
        hasStarted = true
        session.submitSettings(
            [
                (NGHTTP2Setting.enablePush, 0), (NGHTTP2Setting.initialWindowSize, limits.streamWindow),
                (NGHTTP2Setting.maxHeaderListSize, pool.configuration.head.maxHeadBytes),
                (NGHTTP2Setting.noRFC7540Priorities, 1),
            ], connectionWindow: limits.connectionWindow)
        updateDeadline()
        flushSoon()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase != .closed else { return }
        isReading = true
        receive(unwrapInboundIn(data))
    }

    private func receive(_ bytes: ByteBuffer) {
        pingDeadline = .distantFuture
        let now = pool.sweep.now
        var pushes = false
        let isCalm = bytes.withUnsafeReadableBytes { raw in
            scan.scan(raw) { frame in
                // RFC 9113 §3.4: whatever speaks HTTP/2 begins with its settings.
                if !hasHeard {
                    hasHeard = true
                    isStrange = frame.type != HTTP2FrameScan.Frame.settings
                }
                if isStrange { return false }
                // RFC 9113 §8.4: pushes are switched off by our first frame.
                pushes = pushes || frame.type == HTTP2FrameScan.Frame.pushPromise
                return !pushes && budget.arrived(frame, now: now)
            }
        }
        if isStrange { return breakOff(.notHTTP2) }
        if isCalm {
            if !session.receive(bytes) {
                hasFailed = true
                session.terminate(.enhanceYourCalm)
            }
        } else {
            session.terminate(pushes ? .protocolError : .enhanceYourCalm)
        }
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

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let wasClosed = phase == .closed
        phase = .closed
        self.context = nil
        if !wasClosed { pool.retired(self) }
        pool.closed(self)
        isReading = false
        breakStreams(nil)
        reading = nil
        settle()
        spareStreams = []
        pool.balance()
    }

    // MARK: Streams

    /// Forgets a stream that is closed and whose answer was heard to its end.
    func remove(_ stream: UpstreamHTTP2Stream) {
        let index = stream.index
        guard index >= 0, index < streams.count else { return }
        stream.index = -1
        streams.swapAt(index, streams.count - 1)
        if index < streams.count - 1 { streams[index].index = index }
        streams.removeLast()
        finished.append(stream)
    }

    /// Keeps objects of streams that are over for later requests, unless somebody still holds them.
    private func recycle() {
        while !finished.isEmpty {
            var held = finished.popLast()
            guard isKnownUniquelyReferenced(&held), let stream = held else { continue }
            if spareStreams.count < Self.mostSpareStreams { spareStreams.append(stream) }
        }
    }

    // MARK: The end of an event

    /// Sends at the end of the read event, or when everything that is ready on this loop has been heard.
    func flushSoon() {
        guard !isReading, !isSettling, !isFlushDue else { return }
        isFlushDue = true
        pool.eventLoop.assumeIsolated().execute { [self] in
            isFlushDue = false
            settle()
        }
    }

    /// Sends what there is and adjusts everything, once nothing further happens in this event.
    func settle() {
        guard !isReading, !isSettling else { return }
        isSettling = true
        deliverResumed()
        tellDelivered()
        if phase == .open { pool.foundRoom(self) }
        repeat { send() } while tellRoom()
        isSettling = false
        recycle()
        settlePhase()
        updateDeadline()
    }

    private func deliverResumed() {
        guard !resumed.isEmpty else { return }
        let ready = resumed
        resumed.removeAll(keepingCapacity: true)
        for stream in ready { stream.deliverPending() }
    }

    private func tellDelivered() {
        var index = 0
        while index < delivered.count {
            let stream = delivered[index]
            stream.hasDelivered = false
            stream.request?.handler?.readComplete()
            index += 1
        }
        if index > 0 { delivered.removeAll(keepingCapacity: true) }
    }

    /// Tells handlers that there is room; returns whether that may have brought something to send.
    private func tellRoom() -> Bool {
        guard !roomy.isEmpty else { return false }
        let ready = roomy
        roomy.removeAll(keepingCapacity: true)
        for stream in ready { stream.request?.handler?.upstreamWritable() }
        return true
    }

    /// Writes as much as there is and the socket takes, and flushes once.
    func send() {
        guard let context, phase != .closed, hasStarted, session.wantsWrite else { return }
        var hasWritten = false
        var isAll = false
        while !isAll, phase != .closed, context.channel.isWritable {
            var output = pool.spares.take()
            isAll = session.gather(into: &output, limit: Self.gatherBytes)
            let count = output.readableBytes
            guard count > 0 else {
                pool.spares.put(output)
                break
            }
            progress.wrote(count)
            hasWritten = true
            if isAll {
                context.writeAndFlush(NIOAny(output), promise: nil)
                pool.spares.put(output)
            } else {
                context.write(NIOAny(output), promise: nil)
            }
        }
        if isAll {
            session.releaseHeads { pool.spares.put($0) }
        } else if hasWritten {
            context.flush()
        }
    }

    override func deadlinePassed(_ now: NIODeadline) { timePassed(now) }
}
