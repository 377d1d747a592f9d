import NIOCore

/// A connection that the upstream has taken out of HTTP by a 101 (RFC 9110 §7.8); it is never used for another request.
///
/// Each direction ends by itself, and the connection closes when both have. How long nothing may come is looked after
/// downstream; here only bytes that the upstream does not take are timed.
extension UpstreamConnection {
    /// Returns whether the connection still stands when the handler has heard of it.
    func switchProtocols(_ request: UpstreamRequest) -> Bool {
        phase = .tunnel
        isRequestOver = false
        request.isTunnel = true
        request.answered(status: 101)
        // The end of its direction is not to close ours.
        try? context?.channel.syncOptions?.setOption(ChannelOptions.Types.AllowRemoteHalfClosureOption(), value: true)
        updateDeadline()
        request.handler?.switchedProtocols(head)
        head.bytes = noBytes
        return phase == .tunnel
    }

    func readTunnel() -> Bool {
        guard input.readableBytes > 0 else { return false }
        let bytes = input
        input = noBytes
        request?.handler?.responseBody(bytes)
        return phase == .tunnel
    }

    /// The upstream has closed its direction.
    func tunnelEnded() {
        guard phase == .tunnel, !isTunnelOver else { return }
        isTunnelOver = true
        let handler = request?.handler
        if isRequestOver { leaveTunnel() }
        handler?.responseEnded(trailers: nil)
    }

    /// Closes our direction once everything is sent.
    func endTunnelOutput() {
        guard let context else { return }
        isRequestOver = true
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in tunnelSent() }
        let last = output.take() ?? noBytes
        progress.wrote(last.readableBytes)
        if isTunnelOver { leaveTunnel() }
        context.writeAndFlush(NIOAny(last), promise: sent)
    }

    private func tunnelSent() {
        isTunnelSent = true
        guard phase == .tunnel else { return }
        if isTunnelOver {
            close()
        } else {
            context?.close(mode: .output, promise: nil)
        }
    }

    /// Ends the request when both directions are over; what was written is still sent.
    private func leaveTunnel() {
        _ = request?.finish()
        if isTunnelSent {
            close()
        } else {
            updateDeadline()
        }
    }

    /// The channel has closed under a tunnel.
    func tunnelBroke(_ request: UpstreamRequest) {
        let handler = request.finish()
        // Where our direction is over, the end of the other closes the channel.
        if isRequestOver, !isTunnelOver, !sawError {
            handler?.responseEnded(trailers: nil)
        } else {
            handler?.upstreamFailed(.brokenOff)
        }
    }
}
