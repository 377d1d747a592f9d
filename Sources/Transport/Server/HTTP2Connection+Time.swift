import NIOCore

extension HTTP2Connection {
    /// A stream waits for its client until then at the longest.
    func streamWaits(until deadline: NIODeadline) {
        if deadline < streamDeadline { streamDeadline = deadline }
    }

    /// Sets the deadline that belongs to what the connection waits for.
    func updateDeadline() {
        guard phase == .open || phase == .draining else { return }
        let present =
            isWritable ? (budget.isInsideFields ? .fields : streams.isEmpty ? .request : .streams) : Wait.socket
        if present != wait {
            wait = present
            startWaiting()
        }
        deadline = min(connectionDeadline, streamDeadline, goAwayDeadline)
    }

    /// Sets the deadline of the connection itself, which frames that bring nothing do not move.
    private func startWaiting() {
        switch wait {
        case .socket: connectionDeadline = loop.sweep.deadline(after: limits.writeTimeout)
        case .fields: connectionDeadline = loop.sweep.deadline(after: limits.headerTimeout)
        case .request: connectionDeadline = loop.sweep.deadline(after: limits.idleTimeout)
        case .streams: connectionDeadline = .distantFuture
        }
    }

    /// The deadline of the connection, or of one of its streams, has passed.
    func timePassed(_ now: NIODeadline) {
        switch phase {
        case .open, .draining:
            streamsPassed(now)
            if goAwayDeadline <= now { announceLast() }
            if connectionDeadline <= now { connectionPassed() }
            settle()
        case .closing:
            if progress.hasMoved(context?.channel) {
                deadline = loop.sweep.deadline(after: limits.writeTimeout)
            } else {
                close()
            }
        case .lingering:
            close()
        case .closed:
            break
        }
    }

    private func streamsPassed(_ now: NIODeadline) {
        guard streamDeadline <= now else { return }
        streamDeadline = .distantFuture
        for stream in streams {
            if stream.deadline <= now {
                stream.deadlinePassed()
            } else {
                streamWaits(until: stream.deadline)
            }
        }
    }

    private func connectionPassed() {
        connectionDeadline = .distantFuture
        switch wait {
        case .socket:
            if progress.hasMoved(context?.channel) { startWaiting() } else { breakOff(.writeTimeout) }
        case .fields: session.terminate(.enhanceYourCalm)
        case .request: drain()
        case .streams: break
        }
    }
}
