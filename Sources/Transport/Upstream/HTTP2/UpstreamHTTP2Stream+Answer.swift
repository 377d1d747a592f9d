import NIOCore

extension UpstreamHTTP2Stream {
    /// How often a request is sent again because the server did not look at it.
    ///
    /// A server that takes a few requests on each connection sends all others back with each GOAWAY.
    private static let maxResends = 5

    var awaitsHead: Bool { phase == .head }

    /// A head is complete: an interim answer's, or that of the final one.
    func headArrived(_ head: ResponseHead, endsStream: Bool) {
        guard let request else { return }
        note()
        if head.status < 200 {
            interimAnswers += 1
            guard interimAnswers <= UpstreamConnection.maxInterimAnswers else {
                return refuse(.malformed("too many interim answers"))
            }
            updateDeadline()
            request.handler?.informational(head)
            return
        }
        phase = .body
        body = head.body
        connection.hasAnswered = true
        connection.budget.answered()
        dropKept()
        updateDeadline()
        request.answered(status: head.status)
        request.handler?.responseHead(head)
        if endsStream { answerEnded(trailers: nil) }
    }

    /// Takes a piece of the body; what its client does not take keeps the stream's window shut.
    func bodyArrived(_ bytes: ByteBuffer) {
        guard let request else { return }
        received &+= UInt64(bytes.readableBytes)
        switch (phase, body) {
        case (.body, .length(let length)):
            guard received <= length else { return refuse(.malformed("more body than content-length")) }
        case (.body, .chunked): break
        case (.body, _): return refuse(.malformed("body where none may be"))
        default: return refuse(.malformed("body before the head"))
        }
        if request.isPaused || isDelivering || pending.readableBytes > 0 {
            // Copied, so that a small piece does not hold a large buffer of the channel.
            pending.writeImmutableBuffer(bytes)
        } else {
            hand(bytes, to: request)
        }
        updateDeadline()
    }

    private func hand(_ bytes: ByteBuffer, to request: UpstreamRequest) {
        if !isClosed { connection.session.consumeStream(id, bytes.readableBytes) }
        note()
        request.handler?.responseBody(bytes)
    }

    /// Has the handler told of the end of this event.
    private func note() {
        if hasDelivered { return }
        hasDelivered = true
        connection.delivered.append(self)
    }

    /// The server has ended its answer.
    func answerEnded(trailers: ByteBuffer?) {
        guard request != nil, phase == .body else {
            if request != nil, phase == .head { refuse(.malformed("end before the head")) }
            return
        }
        if case .length(let length) = body, received < length {
            return refuse(.malformed("less body than content-length"))
        }
        phase = .ended
        self.trailers = trailers
        deadline = .distantFuture
        deliverPending()
    }

    /// Hands on what is at hand of the answer, as far as the client wants it.
    func deliverPending() {
        guard !isDelivering else { return }
        isDelivering = true
        while let request, !request.isPaused, pending.readableBytes > 0 {
            let bytes = pending
            pending = connection.noBytes
            hand(bytes, to: request)
        }
        isDelivering = false
        guard let request, !request.isPaused, pending.readableBytes == 0 else { return }
        if phase == .ended { finish(request) } else { updateDeadline() }
    }

    /// The connection is free of the request before the handler hears of the end.
    private func finish(_ request: UpstreamRequest) {
        let trailers = trailers
        let isSending = !isRequestOver || source.count > 0
        letGo()
        // The server needs no more of the request (RFC 9113 §8.1).
        if isSending { reset(.cancel) }
        let handler = request.finish()
        settleRemoval()
        handler?.responseEnded(trailers: trailers)
    }

    // MARK: Ends that are none of an answer

    /// The answer breaks the rules: an error of its stream alone (RFC 9113 §8.1.1).
    func refuse(_ refusal: HeadRefusal) {
        switch refusal {
        case .headTooLarge, .tooManyFields: breakOff(.headTooLarge, .cancel)
        default: breakOff(.malformedResponse(refusal.reason), .protocolError)
        }
    }

    /// Ends the exchange with an error, and its stream with a code.
    func breakOff(_ error: UpstreamError, _ code: HTTP2ErrorCode = .cancel) {
        let request = request
        letGo()
        reset(code)
        connection.flushSoon()
        request?.fail(error)
    }

    /// nghttp2 has forgotten the stream: it is over on both sides, was reset, or was not processed.
    func closed(_ code: HTTP2ErrorCode) {
        isClosed = true
        defer { settleRemoval() }
        guard let request, phase != .ended else { return }
        if code == .refusedStream || !isHeadSent { return wasNotProcessed(request) }
        let hadHead = phase == .body
        letGo()
        request.fail(hadHead ? .brokenOff : .closedBeforeResponse)
    }

    /// The connection is gone; nil for an end without a word.
    func connectionBroke(_ error: UpstreamError?) {
        isClosed = true
        guard let request, phase != .ended else { return }
        if error == .notHTTP2 || !isHeadSent {
            if error == nil { return wasNotProcessed(request) }
            giveBack(request)
            return request.fail(error ?? .closedBeforeResponse)
        }
        let wasLost = error == nil && phase == .head
        let hadHead = phase == .body
        letGo()
        if wasLost, connection.hasAnswered, request.isRetryable, request.resends == 0 {
            // It may have been dead before the request came.
            return connection.pool.resend(request)
        }
        request.fail(error ?? (hadHead ? .brokenOff : .closedBeforeResponse))
    }

    /// The server did not look at the request, so that it may be sent again whatever it asks for (RFC 9113 §8.7).
    private func wasNotProcessed(_ request: UpstreamRequest) {
        guard canReturn else {
            letGo()
            return request.fail(.notProcessed)
        }
        giveBack(request)
        if request.resends < Self.maxResends {
            connection.pool.resend(request)
        } else {
            request.fail(.notProcessed)
        }
    }

    /// Makes the request as if it had never been here; its head is still its own.
    private func giveBack(_ request: UpstreamRequest) {
        returnBody(to: request)
        request.wasSent = false
        letGo()
    }

    /// Has nothing to do with the request any more.
    func letGo() {
        request = nil
        phase = .over
        deadline = .distantFuture
        pending = connection.noBytes
        trailers = nil
        isRequestOver = true
    }

    func reset(_ code: HTTP2ErrorCode) {
        source.drop()
        if !isClosed { connection.session.reset(id, code) }
    }

    /// Leaves the connection's list once nghttp2 and the handler are done with it.
    func settleRemoval() {
        guard isClosed, request == nil else { return }
        forgetRequest()
        connection.remove(self)
    }
}
