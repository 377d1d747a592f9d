import NIOCore

/// The bounds of one HTTP/2 connection to an upstream.
///
/// Without a key in the file are bounds whose change would help nobody: they keep a server from costing us more than its
/// answers are worth, and no server that answers comes near.
package struct UpstreamHTTP2Limits: Sendable {
    /// Requests under way at once on one connection; the server may allow fewer.
    package var maxStreams = 100
    /// Bytes of one answer that may come before its client takes them.
    ///
    /// The connection's own window is never what an answer waits for: one client that does not read must not hold up the
    /// others. So a connection holds at most `maxStreams` times as much.
    package var streamWindow = 256 * 1024
    /// The connection's window: what may be on its way at once.
    package var connectionWindow = 1024 * 1024
    /// Unsent bytes of one request body at which it pauses, and to which they must fall before it goes on.
    var streamBufferLow = 32 * 1024
    var streamBufferHigh = 128 * 1024
    /// Longest time that a server whose answer is late has to show that the connection still stands.
    var pingTimeout: TimeAmount = .seconds(5)
    /// Frames in a burst that carry nothing of an answer; a tenth of it comes back every second.
    var maxControlFrames = 1000
    /// CONTINUATION frames of one field section.
    var maxContinuations = 16

    package init() {}
}

extension FrameBudget {
    /// What a server may send beside its answers.
    init(_ limits: UpstreamHTTP2Limits, now: NIODeadline) {
        var bounds = HTTP2Limits()
        bounds.maxControlFrames = limits.maxControlFrames
        bounds.maxContinuations = limits.maxContinuations
        self.init(limits: bounds, now: now)
    }
}
