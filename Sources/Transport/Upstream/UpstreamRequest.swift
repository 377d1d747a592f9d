package import NIOCore

/// One request on its way upstream; used on its event loop only.
///
/// A call after the end of the exchange has no effect.
package final class UpstreamRequest {
    package let eventLoop: any EventLoop

    // What is sent; `head` is kept until the answer begins, as it may have to be sent again.
    var head = ByteBuffer()
    private(set) var body = RequestBody.none
    private(set) var method = Method.get
    private(set) var isRetryable = false
    /// Whether the head asks for another protocol, so that a 101 may come.
    private(set) var mayUpgrade = false
    /// Whether a 101 came.
    var isTunnel = false
    var handler: (any ResponseHandler)?

    /// What carries it, once there is a connection.
    var carrier: (any RequestCarrier)?
    /// Whether the answer is still to come.
    var isActive = false
    /// Whether `UpstreamPool.start` has not returned yet.
    var isStarting = false
    var isPaused = false
    /// The choice of a server that led here; nil for a request to a pool of its own.
    var seat: UpstreamSeat?
    /// Whether a connection has carried it, and the server may have acted on it.
    package internal(set) var wasSent = false
    /// How often a connection of the same server took it after another had failed it.
    var resends = 0
    /// When its answer must have begun, where other servers were tried before.
    var answerBy = NIODeadline.distantFuture
    /// When waiting for a connection has taken too long.
    var queueDeadline = NIODeadline.distantFuture

    // `ByteBuffer()` looks up a lazy global at each call; a copy of this one does not.
    private let noBytes = ByteBuffer()
    // Body bytes that came before the connection.
    private var early = ByteBuffer()
    private var earlyEnd: (trailers: ByteBuffer?, isSet: Bool) = (nil, false)

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func prepare(
        _ head: consuming ByteBuffer, body: RequestBody, isIdempotent: Bool, method: Method, mayUpgrade: Bool,
        handler: any ResponseHandler, seat: UpstreamSeat? = nil
    ) {
        self.head = consume head
        if body == .none { self.head.writeStaticString("\r\n") }
        self.body = body
        self.method = method
        isRetryable = isIdempotent && body == .none
        self.mayUpgrade = mayUpgrade
        isTunnel = false
        self.handler = handler
        self.seat = seat
        carrier = nil
        wasSent = false
        resends = 0
        answerBy = .distantFuture
        isActive = true
        isPaused = false
        queueDeadline = .distantFuture
    }

    /// Sends a piece of the body.
    ///
    /// More bytes than announced fail the request.
    package func writeBody(_ bytes: ByteBuffer) {
        guard isActive else { return }
        if let carrier { return carrier.writeBody(bytes) }
        early.writeImmutableBuffer(bytes)
    }

    /// Finishes the request and flushes it; trailers are sent if the body is chunked.
    ///
    /// Fewer bytes than announced fail the request. Not needed without a body.
    package func end(trailers: ByteBuffer?) {
        guard isActive, body != .none || isTunnel else { return }
        if let carrier { return carrier.endRequest(trailers: trailers) }
        earlyEnd = (trailers, true)
    }

    /// Sends what was written so far.
    package func flush() {
        if isActive { carrier?.flush() }
    }

    /// Whether the upstream keeps up; false as well while no connection is there yet.
    package var isWritable: Bool { carrier?.isWritable ?? false }

    /// Stops the answer once the bytes at hand are delivered.
    package func pause() {
        guard isActive else { return }
        isPaused = true
        carrier?.pausedChanged()
    }

    /// Lets the answer flow again.
    package func resume() {
        guard isActive else { return }
        isPaused = false
        carrier?.pausedChanged()
    }

    /// Gives the request up, and what carries it with it; the handler hears nothing further.
    package func cancel() {
        guard isActive else { return }
        let carrier = carrier
        _ = finish()
        carrier?.abandon()
    }

    /// Hands the bytes that came early to what carries it now; returns whether a body is still to come.
    func sendEarly(_ carrier: any RequestCarrier) -> Bool {
        if early.readableBytes > 0 { carrier.writeBody(early) }
        early = noBytes
        let end = earlyEnd
        earlyEnd = (nil, false)
        if end.isSet {
            carrier.endRequest(trailers: end.trailers)
            return false
        }
        return body != .none
    }

    /// Takes back a body of which nothing was sent.
    func takeBack(_ bytes: ByteBuffer, end: (trailers: ByteBuffer?, isSet: Bool)) {
        early = bytes
        earlyEnd = end
    }

    /// Gives the head up once it will not be sent again.
    func takeHead() -> ByteBuffer {
        defer { head = noBytes }
        return head
    }

    /// Ends the exchange for this request; the caller tells the handler.
    func finish() -> (any ResponseHandler)? {
        defer { handler = nil }
        isActive = false
        if let seat {
            self.seat = nil
            seat.group.ended(seat)
        }
        carrier = nil
        head = noBytes
        if early.readableBytes > 0 { early = noBytes }
        earlyEnd = (nil, false)
        return handler
    }

    /// The head of the final answer arrived.
    func answered(status: Int) {
        seat?.group.answered(self, status: status)
    }

    /// Goes on with another server, or ends the exchange with an error; never inside `UpstreamPool.start`.
    func fail(_ error: UpstreamError) {
        guard isActive else { return }
        carrier = nil
        guard isStarting else { return conclude(error) }
        eventLoop.assumeIsolated().execute { [self] in
            if isActive { conclude(error) }
        }
    }

    private func conclude(_ error: UpstreamError) {
        if let seat, seat.group.takesOver(self, error) { return }
        finish()?.upstreamFailed(error)
    }
}
