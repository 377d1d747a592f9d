package import NIOCore

/// One request and its response on a downstream connection.
///
/// Used on its event loop only. The base class drops everything it is given; a protocol version overrides it.
/// A call after the end of the exchange, or after it broke off, has no effect.
package class ServerStream {
    /// The request's head; valid until `end(trailers:)`.
    @exclusivity(unchecked) package final internal(set) var head = RequestHead()
    package final let eventLoop: any EventLoop
    package final let peer: DownstreamPeer

    init(eventLoop: any EventLoop, peer: DownstreamPeer) {
        self.eventLoop = eventLoop
        self.peer = peer
    }

    package final var remoteAddress: SocketAddress? { peer.remoteAddress }
    package final var isSecure: Bool { peer.isSecure }
    /// What the client speaks.
    package var version: HTTPVersion { .http11 }

    /// Writes a 1xx head: status line, field lines, empty line.
    ///
    /// It is flushed at once, and dropped for HTTP/1.0 clients and once the final head is written.
    package func writeInformational(_ head: ByteBuffer) {}

    /// Lets the body come: answers `Expect: 100-continue` and starts the body events.
    ///
    /// Body events may arrive before this returns (except inside `RequestDelegate.begin`), so call it last.
    package func acceptBody() {}

    /// Returns an empty buffer for a response head; its storage comes back once the head is sent.
    package func headBuffer() -> ByteBuffer { ByteBuffer() }

    /// Writes the final head.
    ///
    /// A head whose storage nobody else holds is sent from where it lies, any other is copied.
    ///
    /// - Parameters:
    ///   - head: The status line and field lines, each with CRLF, without framing and connection fields and without the
    ///     empty line: `Content-Length` or `Transfer-Encoding`, `Connection`, `Date` if absent and the empty line are added.
    ///   - body: Decides the framing; for an answer to HEAD it only describes.
    ///   - hasDate: Whether the caller knows that `head` has a `Date`; otherwise it is looked for.
    package func writeHead(_ head: consuming ByteBuffer, body: ResponseBody, hasDate: Bool = false) {}

    /// Answers 101: from here on both directions carry bytes of another protocol (RFC 9110 §7.8).
    ///
    /// Only for a request without a body, before its head is answered. The client's bytes then come as body events,
    /// `RequestHandler.requestEnded` when it closes its direction; `writeBody` sends, `end(trailers:)` closes ours. Whatever the
    /// client sent behind its request comes first. It may deliver before it returns, so call it last.
    ///
    /// - Parameter head: The status line and field lines, `Upgrade` included; `Connection` and the empty line are added.
    package func switchProtocols(_ head: consuming ByteBuffer) {}

    /// Writes a piece of the body; dropped where no body may follow.
    ///
    /// More bytes than announced break the connection off.
    package func writeBody(_ bytes: ByteBuffer) {}

    /// Finishes the response and flushes it.
    ///
    /// The trailers (lines `name: value` CRLF) are sent if the body is chunked. Fewer bytes than announced break the
    /// connection off. If the request's body was not read to its end, a bounded rest is dropped or the connection is closed.
    package func end(trailers: ByteBuffer?) {}

    /// Sends what was written so far; inside a read event of this connection, at its end.
    package func flush() {}

    /// Whether the client keeps up; when it is false, stop writing until `RequestHandler.responseWritable()`.
    package var isWritable: Bool { true }

    /// Stops body events once the bytes at hand are delivered, and reading with them.
    package func pauseBody() {}

    /// Lets body events come again; as `acceptBody()`, it may deliver before it returns.
    package func resumeBody() {}

    /// Sends what was written of the body, then breaks off: the client gets all of it, and cannot take it for whole.
    ///
    /// The handler hears nothing further.
    package func breakOffWhenSent() {}

    /// Closes the connection without finishing; the handler hears nothing further.
    package func abort() {}

    /// Whether the connection is closed after this response; set it before `writeHead` to have it closed.
    @exclusivity(unchecked) package final var closesAfterResponse = false
}
