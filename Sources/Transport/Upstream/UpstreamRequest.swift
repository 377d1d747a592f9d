package import NIOCore

/// One request on its way upstream; used on its event loop only.
package final class UpstreamRequest {
    package let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Sends a piece of the body.
    package func writeBody(_ bytes: ByteBuffer) {}

    /// Finishes the request and flushes it; trailers are sent if the body is chunked.
    package func end(trailers: ByteBuffer?) {}

    /// Sends what was written so far.
    package func flush() {}

    /// Whether the upstream keeps up; false as well while no connection is there yet.
    package var isWritable: Bool { true }

    /// Stops the answer once the bytes at hand are delivered.
    package func pause() {}

    /// Lets the answer flow again.
    package func resume() {}

    /// Gives the request up and closes its connection; the handler hears nothing further.
    package func cancel() {}
}
