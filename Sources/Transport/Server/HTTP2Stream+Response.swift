import NIOCore

extension HTTP2Stream {
    /// Sends the final head, with the fields that are left to the connection.
    func respond(_ head: consuming ByteBuffer, body kind: ResponseBody, hasDate: Bool) {
        guard responsePhase == .awaitsHead else { return }
        let framing = ResponseFraming(
            status: head.statusOfHead, method: self.head.method, isHTTP10: false, body: kind, keepAlive: true)
        coding = framing.coding
        if case .length(let length) = coding { remaining = length }
        let date = hasDate || head.hasDateLine ? connection.noBytes : connection.loop.date.line
        // A length of nothing goes without saying: the stream ends with its head.
        let length = kind == .none ? nil : framing.contentLength
        head.writeLines { lines in
            if let length { lines.writeContentLength(length) }
            date.withUnsafeReadableBytes { lines.write($0) }
        }
        responsePhase = .body
        if coding == .nothing {
            messageWasSubmitted()
            connection.session.submitResponse(id, consume head, body: nil)
        } else {
            connection.session.submitResponse(id, consume head, body: source)
        }
    }

    func respond(_ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        guard responsePhase == .body, count > 0, coding != .nothing else { return }
        if case .length = coding {
            guard UInt64(count) <= remaining else { return breakOff() }
            remaining -= UInt64(count)
        }
        append(bytes)
    }

    func endResponse(trailers: ByteBuffer?) {
        guard responsePhase == .body else {
            if responsePhase == .awaitsHead { breakOff() }
            return
        }
        if case .length = coding, remaining > 0 { return breakOff() }
        responsePhase = .over
        if isTunnel, !isEndDelivered {
            source.end(trailers: nil)
            connection.session.resume(id, source)
            updateDeadline()
            return connection.flushSoon()
        }
        _ = takeHandler()
        if coding != .nothing {
            messageWasSubmitted()
            source.end(trailers: trailers)
            connection.session.resume(id, source)
        }
        dropRequest()
        updateDeadline()
        connection.flushSoon()
    }

    /// Puts bytes of the body in line.
    func append(_ bytes: ByteBuffer) {
        let isFirst = source.count == 0
        source.append(bytes)
        connection.unsent += bytes.readableBytes
        if isFirst { updateDeadline() }
        connection.session.resume(id, source)
    }

    /// An answer that breaks its own framing; the client must not take it for whole.
    private func breakOff() {
        let broken = takeHandler()
        reset(.internalError)
        connection.flushSoon()
        broken?.downstreamClosed(.aborted)
    }

    /// RFC 9113 §8.1: a client that is still sending when its answer is complete is asked to stop.
    private func messageWasSubmitted() {
        codeAfterMessage = .noError
    }

    /// Lets the client send on what nobody reads, within the stream's window.
    private func dropRequest() {
        unread = pending.readableBytes
        pending.clear()
        connection.session.consumeConnection(unconsumed)
        unconsumed = 0
    }

    /// Ends the stream at once; what waited to be sent is dropped.
    func reset(_ code: HTTP2ErrorCode) {
        responsePhase = .over
        deadline = .distantFuture
        connection.unsent -= source.count
        source.drop()
        connection.session.reset(id, code)
    }

    /// Bytes of the answer left.
    func bodySent(_ count: Int) {
        connection.unsent -= count
        connection.budget.sent(bytes: count)
        if isCutShort, source.count == 0 { return reset(.internalError) }
        updateDeadline()
        if isBlocked, isActive, source.count <= connection.limits.http2.streamBufferLow { connection.noteRoom(self) }
    }

    /// The last frame of the answer left.
    func messageSent() {
        connection.budget.answered()
        guard let code = codeAfterMessage, code != .noError || !isRequestOver else { return }
        if code == .noError, mayFinish {
            isFinishing = true
            updateDeadline()
        } else {
            connection.session.reset(id, code)
        }
    }

    /// Whether a client that was answered before it had sent everything is let finish: some take a reset for a failure,
    /// whatever was answered before.
    private var mayFinish: Bool {
        guard connection.phase == .open else { return false }
        let limit = connection.limits.maxDrainedBytes
        if let expected, expected > received, expected - received > UInt64(limit) { return false }
        return unread <= limit
    }

    /// Takes note of body bytes that nobody reads.
    func bodyDropped(_ count: Int) {
        unread += count
        guard isFinishing else { return }
        if unread > connection.limits.maxDrainedBytes { return stopFinishing() }
        connection.session.consumeStream(id, count)
    }

    /// Asks the client to stop; the answer is whole.
    func stopFinishing() {
        isFinishing = false
        connection.session.reset(id, .noError)
    }
}
