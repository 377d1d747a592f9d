import NIOCore

/// A connection that has left HTTP by a 101; it never comes back to it.
///
/// Each direction ends by itself, and the connection closes when both have.
extension ServerConnection {
    func switchProtocols(_ head: consuming ByteBuffer) {
        guard responsePhase == .awaitsHead, isRequestOver, !isTunnel else { return }
        isTunnel = true
        responsePhase = .body
        framing = .tunnel
        isBodyAccepted = true
        isBodyPaused = false
        isRequestOver = false
        owesContinue = false
        if output.isEmpty { output.start(loop.spares.take()) }
        write(head)
        output.append { $0.writeStaticString("connection: upgrade\r\n\r\n") }
        needsFlush = true
        updateDeadline()
        pump()
        settle()
    }

    /// A tunnel that one side has closed is not waited for as long as one that both hold open.
    var tunnelTimeout: TimeAmount {
        isRequestOver || responsePhase == .over ? limits.bodyIdleTimeout : limits.tunnelIdleTimeout
    }

    /// Delivers what the client sent; returns whether the cycle goes on.
    func readTunnel() -> Bool {
        guard !isRequestOver, !isBodyPaused else { return false }
        if input.readableBytes > 0 {
            let bytes = input
            input = noBytes
            hasDelivered = true
            updateDeadline()
            handler?.bodyReceived(bytes)
            return phase == .exchange
        }
        guard inputClosed else { return false }
        isRequestOver = true
        let handler = handler
        if responsePhase == .over { leaveTunnel() } else { updateDeadline() }
        handler?.requestEnded(trailers: nil)
        return false
    }

    /// Closes our direction once everything is sent.
    func endTunnelOutput() {
        guard let context else { return }
        responsePhase = .over
        needsFlush = false
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in tunnelSent() }
        let last = output.take() ?? noBytes
        progress.wrote(last.readableBytes)
        if isRequestOver { leaveTunnel() } else { updateDeadline() }
        context.writeAndFlush(NIOAny(last), promise: sent)
    }

    private func tunnelSent() {
        isTunnelSent = true
        if phase == .closing {
            close()
        } else if phase == .exchange {
            context?.close(mode: .output, promise: nil)
        }
    }

    /// Ends the exchange when both directions are over; what was written is still sent.
    func leaveTunnel() {
        handler = nil
        stream?.isActive = false
        guard phase == .exchange else { return }
        phase = .closing
        input = noBytes
        deadline = loop.sweep.deadline(after: limits.writeTimeout)
        if isTunnelSent { close() }
    }
}
