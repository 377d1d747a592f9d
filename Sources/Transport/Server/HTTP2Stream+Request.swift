import NIOCore

extension HTTP2Stream {
    /// Begins the exchange whose head is complete.
    func begin() {
        if case .length(let length) = head.body {
            expected = length
            if let limit = connection.limits.maxBodyBytes, length > limit { return refuse(.bodyTooLarge) }
        }
        owesContinue = head.expectsContinue
        isActive = true
        let handler = connection.loop.delegate.begin(self)
        if isActive {
            self.handler = handler
            deliver()
        }
    }

    /// Takes a piece of the body.
    func bodyArrived(_ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        unconsumed += count
        received &+= UInt64(count)
        guard isActive else {
            // What nobody reads must not use up the connection's window; the stream's stays closed, or nearly so.
            unconsumed -= count
            connection.session.consumeConnection(count)
            return bodyDropped(count)
        }
        if let expected, received > expected { return refuse(.malformed("more body than content-length")) }
        if let limit = connection.limits.maxBodyBytes, received > limit, !head.hasUpgrade {
            return refuse(.bodyTooLarge)
        }
        if handler != nil, isBodyAccepted, !isBodyPaused, !isDelivering, pending.readableBytes == 0 {
            hand(bytes)
        } else {
            // Copied, so that a small piece does not hold a large buffer of the channel.
            pending.writeImmutableBuffer(bytes)
        }
        updateDeadline()
    }

    /// The client ended the request.
    func requestEnded(trailers: ByteBuffer?) {
        guard !isRequestOver else { return }
        isRequestOver = true
        isFinishing = false
        requestTrailers = trailers
        guard isActive else { return }
        if let expected, received < expected { return refuse(.malformed("less body than content-length")) }
        deliver()
    }

    /// Hands on what is at hand of the body, as far as the handler wants it.
    func deliver() {
        guard !isDelivering, handler != nil, isBodyAccepted else { return updateDeadline() }
        isDelivering = true
        while isActive, !isBodyPaused, pending.readableBytes > 0 {
            let bytes = pending
            pending = connection.noBytes
            hand(bytes)
        }
        isDelivering = false
        if isActive, isRequestOver, !isEndDelivered, !isBodyPaused, pending.readableBytes == 0 {
            isEndDelivered = true
            let trailers = requestTrailers
            requestTrailers = nil
            let told = isTunnel && responsePhase == .over ? takeHandler() : handler
            told?.requestEnded(trailers: trailers)
        }
        updateDeadline()
    }

    private func hand(_ bytes: ByteBuffer) {
        consume(bytes.readableBytes)
        if !hasDelivered {
            hasDelivered = true
            connection.delivered.append(self)
        }
        handler?.bodyReceived(bytes)
    }

    private func consume(_ count: Int) {
        unconsumed -= count
        connection.session.consume(id, count)
    }

    /// Answers a refused request once, and ends its stream; the connection goes on.
    func refuse(_ refusal: HeadRefusal) {
        let broken = takeHandler()
        unread = Int(clamping: received)
        let answer =
            responsePhase == .awaitsHead
            ? connection.loop.delegate.refused(refusal, status: refusal.status, remote: remoteAddress) : nil
        if let answer {
            send(whole: answer)
            // RFC 9113 §8.1.1: a malformed request is an error of its stream, whatever is answered before.
            codeAfterMessage = refusal.status == 400 ? .protocolError : isRequestOver ? nil : .noError
        } else {
            reset(refusal.status == 400 ? .protocolError : .cancel)
        }
        broken?.downstreamClosed(.refused(refusal))
    }

    /// Sends a complete answer in HTTP/1.1 form.
    private func send(whole answer: ByteBuffer) {
        responsePhase = .over
        var body = answer
        guard let end = answer.endOfHead, let head = body.readSlice(length: end) else { return reset(.internalError) }
        body.moveReaderIndex(forwardBy: 2)
        guard body.readableBytes > 0, self.head.method != .head else {
            return connection.session.submitResponse(id, head, body: nil)
        }
        append(body)
        source.end(trailers: nil)
        connection.session.submitResponse(id, head, body: source)
    }

    // MARK: Time

    /// Sets the deadline that belongs to what the exchange waits for.
    func updateDeadline() {
        let limits = connection.limits
        if source.count > 0 {
            setDeadline(limits.writeTimeout)
        } else if isActive, isTunnel {
            setDeadline(isRequestOver || responsePhase == .over ? limits.bodyIdleTimeout : limits.tunnelIdleTimeout)
        } else if isActive, isBodyAccepted, !isRequestOver, !isBodyPaused {
            setDeadline(limits.bodyIdleTimeout)
        } else if isFinishing {
            setDeadline(limits.lingerTimeout)
        } else {
            deadline = .distantFuture
        }
    }

    private func setDeadline(_ amount: TimeAmount) {
        deadline = connection.loop.sweep.deadline(after: amount)
        connection.streamWaits(until: deadline)
    }

    /// The client kept the exchange waiting for too long.
    func deadlinePassed() {
        if source.count > 0, !connection.isWritable { return updateDeadline() }
        if isFinishing { return stopFinishing() }
        let reason = source.count > 0 ? StreamClosure.writeTimeout : isTunnel ? .tunnelTimeout : .bodyTimeout
        let broken = takeHandler()
        reset(.cancel)
        broken?.downstreamClosed(reason)
    }
}

extension ByteBuffer {
    /// Where the lines of a head end and its empty line begins.
    fileprivate var endOfHead: Int? {
        withUnsafeReadableBytes { raw in
            var index = 0
            while index &+ 3 < raw.count {
                if raw[index] == 0x0d, raw[index &+ 1] == 0x0a, raw[index &+ 2] == 0x0d, raw[index &+ 3] == 0x0a {
                    return index &+ 2
                }
                index &+= 1
            }
            return nil
        }
    }
}
