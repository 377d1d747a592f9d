import NIOCore

extension ServerConnection {
    /// Answers a refused message once, and closes.
    func refuse(_ refusal: HeadRefusal) {
        let mayAnswer = responsePhase != .body
        let broken = takeHandler()
        if mayAnswer, let answer = loop.delegate.refused(refusal, status: refusal.status, remote: peer.remoteAddress) {
            write(answer)
        }
        finishConnection(lingers: true)
        broken?.downstreamClosed(.refused(refusal))
    }

    /// Lets go of the exchange; the caller tells the handler.
    func takeHandler() -> (any RequestHandler)? {
        defer { handler = nil }
        stream?.isActive = false
        responsePhase = .over
        return handler
    }

    /// Ends an answer without its end; the handler hears nothing further.
    func breakOffWhenSent() {
        guard phase == .exchange, responsePhase != .over else { return }
        let isRequestOver = isRequestOver
        _ = takeHandler()
        finishConnection(lingers: !isRequestOver)
    }

    /// Sends what is written, then closes.
    ///
    /// - Parameter lingers: Whether the client may still be sending. Closing with unread input makes the kernel reset
    ///   the connection, which can destroy the last answer on its way (RFC 9112 §9.6).
    func finishConnection(lingers: Bool) {
        guard let context, phase == .idle || phase == .exchange else { return }
        phase = .closing
        input = noBytes
        deadline = loop.sweep.deadline(after: limits.writeTimeout)
        needsFlush = false
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in closeWritten(lingers: lingers) }
        let last = output.take() ?? ByteBuffer()
        progress.wrote(last.readableBytes)
        context.writeAndFlush(NIOAny(last), promise: sent)
    }

    private func closeWritten(lingers: Bool) {
        guard phase == .closing, let context else { return }
        guard lingers, !inputClosed else { return close() }
        phase = .lingering
        deadline = loop.sweep.deadline(after: limits.lingerTimeout)
        updateReading()
        context.close(mode: .output, promise: nil)
    }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        context?.close(promise: nil)
    }

    /// The whole answer to one connection too many.
    static let overload: StaticString =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
}
