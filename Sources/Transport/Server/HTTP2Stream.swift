import NIOCore

/// An exchange on an HTTP/2 connection.
///
/// A connection fills the same object again for a later request if nobody else holds it by then.
final class HTTP2Stream: ServerStream {
    enum ResponsePhase {
        case awaitsHead
        case body
        case over
    }

    let connection: HTTP2Connection
    var id: Int32 = 0
    /// Whether the handler may still say something.
    var isActive = false
    var handler: (any RequestHandler)?
    /// The place in the connection's list.
    var index = -1
    /// When the client has kept this exchange waiting for too long.
    var deadline = NIODeadline.distantFuture

    // The request.
    var isBodyAccepted = false
    var isBodyPaused = false
    /// Whether the client ended the request.
    var isRequestOver = false
    var isEndDelivered = false
    var isDelivering = false
    var hasDelivered = false
    var owesContinue = false
    /// Bytes of the body still to come, if their number was announced.
    var expected: UInt64?
    var received: UInt64 = 0
    /// Body bytes that nobody wanted yet.
    @exclusivity(unchecked) var pending = ByteBuffer()
    /// Bytes that the client may not send again before they are consumed.
    var unconsumed = 0
    var requestTrailers: ByteBuffer?

    // The response.
    var responsePhase = ResponsePhase.over
    var coding = ResponseFraming.Coding.nothing
    var remaining: UInt64 = 0
    let source = HTTP2BodySource()
    /// Whether the handler was told to stop writing.
    var isBlocked = false
    /// Whether an extended CONNECT was answered: both directions are opaque from then on.
    var isTunnel = false
    /// Whether the stream is reset once what waits has left: its answer is not whole.
    var isCutShort = false
    /// With which code the stream is reset once its message has left.
    var codeAfterMessage: HTTP2ErrorCode?
    /// Whether the client, answered already, is let send the rest of a small body.
    var isFinishing = false
    /// Body bytes that nobody read.
    var unread = 0

    init(_ connection: HTTP2Connection, eventLoop: any EventLoop, peer: DownstreamPeer) {
        self.connection = connection
        super.init(eventLoop: eventLoop, peer: peer)
    }

    override var version: HTTPVersion { .http2 }

    /// Makes the object ready for a request.
    func prepare(_ id: Int32) {
        self.id = id
        isActive = false
        handler = nil
        deadline = .distantFuture
        isBodyAccepted = false
        isBodyPaused = false
        isRequestOver = false
        isEndDelivered = false
        isDelivering = false
        hasDelivered = false
        owesContinue = false
        expected = nil
        received = 0
        pending.clear()
        unconsumed = 0
        requestTrailers = nil
        responsePhase = .awaitsHead
        coding = .nothing
        remaining = 0
        isBlocked = false
        isTunnel = false
        isCutShort = false
        codeAfterMessage = nil
        isFinishing = false
        unread = 0
        closesAfterResponse = false
    }

    /// Lets go of the exchange; the caller tells the handler.
    func takeHandler() -> (any RequestHandler)? {
        defer { handler = nil }
        isActive = false
        return handler
    }

    // MARK: What the handler says

    override func headBuffer() -> ByteBuffer { connection.loop.spares.take() }

    override func writeInformational(_ head: ByteBuffer) {
        guard isActive, responsePhase == .awaitsHead else { return }
        owesContinue = owesContinue && head.statusOfHead != 100
        connection.session.submitInformational(id, head)
        connection.flushSoon()
    }

    override func acceptBody() {
        guard isActive, !isBodyAccepted else { return }
        isBodyAccepted = true
        if owesContinue {
            owesContinue = false
            // RFC 9110 §10.1.1: no 100 is needed once the body has begun to arrive.
            if received == 0, responsePhase == .awaitsHead {
                connection.session.submitInformational(id, ByteBuffer(string: "HTTP/1.1 100 Continue\r\n"))
            }
        }
        deliver()
        connection.flushSoon()
    }

    override func writeHead(_ head: consuming ByteBuffer, body: ResponseBody, hasDate: Bool) {
        if isActive { respond(consume head, body: body, hasDate: hasDate) }
    }

    override func switchProtocols(_ head: consuming ByteBuffer) {
        if isActive { openTunnel(consume head) }
    }

    override func writeBody(_ bytes: ByteBuffer) {
        if isActive { respond(bytes) }
    }

    override func end(trailers: ByteBuffer?) {
        if isActive { endResponse(trailers: trailers) }
    }

    override func flush() {
        if isActive { connection.flushSoon() }
    }

    override var isWritable: Bool {
        guard isActive else { return true }
        if source.count < connection.limits.http2.streamBufferHigh, connection.hasRoom { return true }
        isBlocked = true
        return false
    }

    override func pauseBody() {
        guard isActive else { return }
        isBodyPaused = true
        updateDeadline()
    }

    override func resumeBody() {
        guard isActive, isBodyPaused else { return }
        isBodyPaused = false
        deliver()
        connection.flushSoon()
    }

    override func breakOffWhenSent() {
        guard isActive, responsePhase == .body, source.count > 0 else { return abort() }
        _ = takeHandler()
        responsePhase = .over
        isCutShort = true
        updateDeadline()
        connection.flushSoon()
    }

    override func abort() {
        guard isActive else { return }
        _ = takeHandler()
        reset(.internalError)
        connection.flushSoon()
    }
}
