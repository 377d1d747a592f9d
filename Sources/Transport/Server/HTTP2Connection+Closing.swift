import NIOCore

extension HTTP2Connection {
    /// Tells which streams will be answered, after the client had time to hear of the end.
    func announceLast() {
        guard phase == .draining, goAwayDeadline != .distantFuture else { return }
        goAwayDeadline = .distantFuture
        session.submitGoAway()
    }

    /// Tells all handlers that their exchange is over.
    func breakStreams(_ reason: StreamClosure) {
        let broken = streams
        streams = []
        unsent = 0
        for stream in broken {
            stream.index = -1
            stream.takeHandler()?.downstreamClosed(reason)
        }
    }

    /// Closes when the session is over, or when a connection that drains has no stream left.
    func settlePhase() {
        guard phase == .open || phase == .draining else { return }
        if session.isOver { return finish(lingers: phase == .open) }
        if streams.isEmpty {
            if inputClosed { return finish(lingers: false) }
            if phase == .draining, goAwayDeadline == .distantFuture, !session.wantsWrite { finish(lingers: false) }
        } else if inputClosed, unsent > 0, !session.wantsWrite {
            // Windows that are shut stay shut.
            finish(lingers: false)
        }
    }

    /// Sends what is written, then closes.
    ///
    /// - Parameter lingers: Whether the client may still be sending: closing with unread input makes the kernel reset
    ///   the connection, which can destroy the last frames on their way.
    private func finish(lingers: Bool) {
        guard let context else { return }
        phase = .closing
        breakStreams(.peerClosed)
        deadline = loop.sweep.deadline(after: limits.writeTimeout)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in closeWritten(lingers: lingers) }
        context.writeAndFlush(NIOAny(noBytes), promise: sent)
    }

    private func closeWritten(lingers: Bool) {
        guard phase == .closing, let context else { return }
        guard lingers, !inputClosed else { return close() }
        phase = .lingering
        deadline = loop.sweep.deadline(after: limits.lingerTimeout)
        context.close(mode: .output, promise: nil)
    }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        context?.close(promise: nil)
    }
}
