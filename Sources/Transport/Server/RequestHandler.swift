package import NIOCore

/// Takes the events of one request, always on its event loop.
package protocol RequestHandler: AnyObject {
    /// Takes a piece of the body; only after `ServerStream.acceptBody()`.
    func bodyReceived(_ bytes: ByteBuffer)

    /// One read event with pieces of the body is over: the moment to flush them upstream.
    func bodyReadComplete()

    /// The request is complete; called once, after `ServerStream.acceptBody()`, also if the body is empty.
    ///
    /// `trailers` are the lines `name: value` CRLF, without those that may not come in a trailer section.
    func requestEnded(trailers: ByteBuffer?)

    /// The response may flow again after `ServerStream.isWritable` was false.
    func responseWritable()

    /// The exchange broke off before its end. Nothing is called after this, and what the stream is told has no effect.
    func downstreamClosed(_ reason: StreamClosure)
}

extension RequestHandler {
    package func bodyReadComplete() {}
}
