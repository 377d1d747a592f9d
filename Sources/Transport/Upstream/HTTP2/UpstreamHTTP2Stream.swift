import NIOCore

/// One request on an HTTP/2 connection to an upstream.
///
///     head ──▶ body ──▶ ended ──delivered──▶ over
///       └───────┴── reset, refused, connection lost ──▲
///
/// A connection fills the same object again for a later request if nobody else holds it by then.
final class UpstreamHTTP2Stream: RequestCarrier {
    enum Phase {
        case head
        case body
        /// The whole answer is here, and its client has not taken all of it.
        case ended
        case over
    }

    let connection: UpstreamHTTP2Connection
    private(set) var id: Int32 = 0
    var phase = Phase.over
    /// The request, until it is over.
    var request: UpstreamRequest?
    private(set) var method = Method.get
    /// The place in the connection's list.
    var index = -1
    /// When the server, or its client, has kept this exchange waiting for too long.
    var deadline = NIODeadline.distantFuture

    // The request.
    // Its head's storage, until it has left.
    @exclusivity(unchecked) private var head = ByteBuffer()
    let source = HTTP2BodySource()
    private var announced: UInt64?
    private var written: UInt64 = 0
    private(set) var isHeadSent = false
    private var hasSentBody = false
    /// The body so far, while it is short: a server that does not look at the request does not look at it either.
    @exclusivity(unchecked) private var kept = ByteBuffer()
    private var isKept = true
    var isRequestOver = true
    /// Whether the handler was told to stop writing.
    private var isBlocked = false

    // The answer.
    var body = BodyFraming.none
    var received: UInt64 = 0
    var interimAnswers = 0
    var hasDelivered = false
    var isDelivering = false
    /// Whether nghttp2 has forgotten the stream.
    var isClosed = false
    /// Body bytes that nobody wants yet.
    @exclusivity(unchecked) var pending = ByteBuffer()
    var trailers: ByteBuffer?

    init(_ connection: UpstreamHTTP2Connection) {
        self.connection = connection
    }

    /// Makes the object ready for a request.
    func prepare(_ request: UpstreamRequest) {
        self.request = request
        method = request.method
        phase = .head
        deadline = .distantFuture
        source.reset()
        announced = nil
        if case .length(let length) = request.body { announced = length }
        written = 0
        isHeadSent = false
        hasSentBody = false
        kept = connection.noBytes
        isKept = true
        isRequestOver = request.body == .none
        isBlocked = false
        body = .none
        received = 0
        interimAnswers = 0
        hasDelivered = false
        isDelivering = false
        isClosed = false
        pending.clear()
        trailers = nil
    }

    /// Hands the head to the session; false when the connection takes no more requests.
    func submit() -> Bool {
        guard let request, connection.session.takesRequests else { return false }
        let source = request.body == .none ? nil : source
        let id = connection.session.submitRequest(
            &request.head, isSecure: connection.pool.configuration.tls != nil, contentLength: announced, body: source,
            object: self)
        guard let id else { return false }
        self.id = id
        head = request.head
        request.carrier = self
        request.wasSent = true
        return true
    }

    /// Lets go of what is left of the request; nothing reads it any more.
    func forgetRequest() {
        source.reset()
        head = connection.noBytes
        kept = connection.noBytes
    }

    // MARK: What the request says

    /// Whether the handler may go on writing.
    var isWritable: Bool {
        if source.count < connection.limits.streamBufferHigh { return true }
        isBlocked = true
        return false
    }

    func writeBody(_ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        guard !isRequestOver, count > 0 else { return }
        written &+= UInt64(count)
        if let announced, written > announced { return breakOff(.brokenOff) }
        keep(bytes)
        let wasEmpty = source.count == 0
        source.append(bytes)
        connection.session.resume(id, source)
        if wasEmpty { updateDeadline() }
        if source.count >= connection.limits.streamBufferHigh { connection.flushSoon() }
    }

    func endRequest(trailers: ByteBuffer?) {
        guard !isRequestOver else { return }
        if let announced, written < announced { return breakOff(.brokenOff) }
        isRequestOver = true
        source.end(trailers: announced == nil ? trailers : nil)
        connection.session.resume(id, source)
        updateDeadline()
        connection.flushSoon()
    }

    func flush() { connection.flushSoon() }

    func pausedChanged() {
        updateDeadline()
        guard request?.isPaused == false, pending.readableBytes > 0 || phase == .ended else { return }
        connection.resumed.append(self)
        connection.flushSoon()
    }

    /// The request is over; only its stream goes, and the connection stays.
    func abandon() {
        letGo()
        reset(.cancel)
        connection.flushSoon()
    }

    // MARK: What was sent

    func headLeft() {
        isHeadSent = true
        head = connection.noBytes
    }

    func messageLeft() { updateDeadline() }

    /// Bytes of the body left.
    func bodySent(_ count: Int) {
        if count > 0 { hasSentBody = true }
        updateDeadline()
        guard isBlocked, request != nil, source.count <= connection.limits.streamBufferLow else { return }
        isBlocked = false
        connection.roomy.append(self)
    }

    /// The longest body that is kept until its answer begins.
    private static let maxKeptBytes = 16 * 1024

    private func keep(_ bytes: ByteBuffer) {
        guard isKept, phase == .head else { return }
        if kept.readableBytes == 0 {
            kept = bytes
        } else {
            kept.writeImmutableBuffer(bytes)
        }
        if kept.readableBytes > Self.maxKeptBytes {
            isKept = false
            kept = connection.noBytes
        }
    }

    /// The answer has begun: the request is never sent again.
    func dropKept() {
        isKept = false
        kept = connection.noBytes
        if let request { connection.pool.spares.put(request.takeHead()) }
    }

    /// Whether the request could be sent again as it was.
    var canReturn: Bool { phase == .head && (isKept || !hasSentBody) }

    /// Gives back to the request what was written of its body.
    func returnBody(to request: UpstreamRequest) {
        let end = (source.trailers, source.isEnded)
        var bytes = kept
        if !isKept { source.move(source.count, to: &bytes) }
        kept = connection.noBytes
        request.takeBack(bytes, end: end)
    }

    // MARK: Time

    /// Sets the deadline that belongs to what the exchange waits for.
    func updateDeadline() {
        let configuration = connection.pool.configuration
        let sweep = connection.pool.sweep
        guard let request, phase != .ended, phase != .over else { return deadline = .distantFuture }
        if source.count > 0 {
            deadline = sweep.deadline(after: configuration.bodyIdleTimeout)
        } else if !isRequestOver {
            // What comes next is the client's to send.
            deadline = .distantFuture
        } else if phase == .head {
            deadline = min(request.answerBy, sweep.deadline(after: configuration.firstByteTimeout))
        } else {
            deadline = request.isPaused ? .distantFuture : sweep.deadline(after: configuration.bodyIdleTimeout)
        }
        if deadline != .distantFuture { connection.streamWaits(until: deadline) }
    }

    /// The server has kept the exchange waiting for too long.
    func deadlinePassed() {
        // A socket that takes nothing is the connection's concern.
        if source.count > 0, !connection.isWritable { return updateDeadline() }
        breakOff(phase == .head && isRequestOver && source.count == 0 ? .firstByteTimeout : .idleTimeout)
    }
}
