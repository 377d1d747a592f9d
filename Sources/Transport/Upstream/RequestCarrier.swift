import NIOCore

/// What carries one request upstream: a connection of HTTP/1.1, or a stream of HTTP/2.
protocol RequestCarrier: AnyObject {
    /// Whether the upstream keeps up with the request's body.
    var isWritable: Bool { get }

    /// Sends a piece of the body.
    func writeBody(_ bytes: ByteBuffer)

    /// Finishes the request and flushes it.
    func endRequest(trailers: ByteBuffer?)

    /// Sends what was written so far.
    func flush()

    /// The request was paused, or goes on.
    func pausedChanged()

    /// Gives up the request, which is over already.
    func abandon()
}
