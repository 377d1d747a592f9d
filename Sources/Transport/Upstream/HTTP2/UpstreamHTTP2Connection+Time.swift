import NIOCore

extension UpstreamHTTP2Connection {
    /// A stream waits until then at the longest.
    func streamWaits(until deadline: NIODeadline) {
        if deadline < streamDeadline { streamDeadline = deadline }
        if deadline < self.deadline { self.deadline = deadline }
    }

    /// Sets the deadline that belongs to what the connection waits for.
    func updateDeadline() {
        guard phase != .closed else { return }
        let configuration = pool.configuration
        if !isWritable {
            // Not moved by frames that bring nothing: only by bytes that the server takes.
            if !waitsForSocket { socketDeadline = pool.sweep.deadline(after: configuration.bodyIdleTimeout) }
            waitsForSocket = true
        } else {
            waitsForSocket = false
            socketDeadline = .distantFuture
        }
        if !streams.isEmpty {
            idleDeadline = .distantFuture
        } else if idleDeadline == .distantFuture {
            idleDeadline = pool.sweep.deadline(after: configuration.keepAliveTimeout)
        }
        deadline = min(min(socketDeadline, idleDeadline), min(streamDeadline, pingDeadline))
    }

    /// One of the deadlines has passed.
    func timePassed(_ now: NIODeadline) {
        guard phase != .closed else { return }
        if pingDeadline <= now { return breakOff(.idleTimeout) }
        if socketDeadline <= now {
            guard progress.hasMoved(context?.channel) else { return breakOff(.idleTimeout) }
            waitsForSocket = false
        }
        if idleDeadline <= now { return retire() }
        streamsPassed(now)
        settle()
        updateDeadline()
    }

    private func streamsPassed(_ now: NIODeadline) {
        guard streamDeadline <= now else { return }
        streamDeadline = .distantFuture
        var isLate = false
        for stream in streams {
            if stream.deadline <= now {
                isLate = true
                stream.deadlinePassed()
            } else {
                streamWaits(until: stream.deadline)
            }
        }
        // The answer may be late, or the connection may be gone without a word: then no later request gets one either.
        guard isLate, pingDeadline == .distantFuture else { return }
        pingDeadline = pool.sweep.deadline(after: limits.pingTimeout)
        session.submitPing()
    }
}
