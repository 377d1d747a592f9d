package import NIOCore

/// The connections to one upstream from one event loop.
package final class UpstreamPool {
    package let configuration: UpstreamConfiguration
    package let eventLoop: any EventLoop

    package init(_ configuration: UpstreamConfiguration, eventLoop: any EventLoop) {
        self.configuration = configuration
        self.eventLoop = eventLoop
    }

    /// Sends a request on an idle connection, or on a new one.
    ///
    /// A request without a body is flushed at once; otherwise the head waits for `UpstreamRequest.flush()`,
    /// `end(trailers:)` or 16 KiB of body.
    ///
    /// - Parameters:
    ///   - head: The request line and field lines, each with CRLF, without framing and connection fields and without
    ///     the empty line: the pool adds them.
    ///   - isIdempotent: Whether the request may be sent a second time when a reused connection turns out to be dead
    ///     before a byte of the answer. It is done once, and only without a body.
    package func start(
        _ head: ByteBuffer, body: RequestBody, isIdempotent: Bool, method: Method, handler: any ResponseHandler
    ) -> UpstreamRequest {
        UpstreamRequest(eventLoop: eventLoop)
    }

    /// Connections that wait for a request.
    package var idleCount: Int { 0 }
    /// Connections that have one.
    package var activeCount: Int { 0 }

    /// Closes idle connections now and the others after their answers; waiting requests fail.
    package func close() {}
}
