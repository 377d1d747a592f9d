package import NIOCore

/// Makes the handler of each request; one per event loop.
package protocol RequestDelegate: AnyObject {
    /// Begins an exchange. Called once per request with a complete, well-formed head.
    ///
    /// The answer may be written before this returns.
    func begin(_ stream: ServerStream) -> any RequestHandler

    /// Returns the complete answer to a refused request, body included, or nil to close without one.
    ///
    /// `Connection: close` belongs into the answer: the connection is closed after it.
    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer?

    /// A connection was closed before it could ask for anything; constant words why.
    func refusedConnection(_ reason: StaticString, remote: SocketAddress?)
}

extension RequestDelegate {
    package func refusedConnection(_ reason: StaticString, remote: SocketAddress?) {}
}
