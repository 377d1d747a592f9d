import NIOCore

extension UpstreamHTTP2Connection {
    /// Closes when the session is over, or when a connection that leaves has no stream left.
    func settlePhase() {
        guard phase != .closed, context != nil else { return }
        if session.isOver || hasFailed {
            // After a GOAWAY without streams that is the orderly end, otherwise a breach of RFC 9113.
            if !streams.isEmpty { return breakOff(.malformedResponse("upstream: breach of HTTP/2")) }
            close()
        } else if phase == .leaving, streams.isEmpty {
            leave()
        }
    }

    /// Says goodbye, and closes.
    private func leave() {
        session.terminate(.noError)
        send()
        close()
    }

    /// Ends every exchange with an error and closes.
    func breakOff(_ error: UpstreamError) {
        guard phase != .closed else { return }
        if phase == .open { pool.retired(self) }
        phase = .leaving
        breakStreams(error)
        close()
    }

    /// Closes without a word to the handlers.
    func close() {
        guard phase != .closed else { return }
        if phase == .open { pool.retired(self) }
        phase = .closed
        context?.close(promise: nil)
    }

    /// Ends what is under way, each request by itself; what has come of whole answers is still delivered.
    ///
    /// - Parameter error: Nil for a connection that was lost.
    func breakStreams(_ error: UpstreamError?) {
        let broken = streams
        streams = []
        for stream in broken {
            stream.index = -1
            stream.connectionBroke(error)
        }
    }
}
