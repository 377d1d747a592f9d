import NIOCore

/// An exchange on an HTTP/1.1 connection.
///
/// A connection fills the same object again for its next request if nobody else holds it by then.
final class HTTP1Stream: ServerStream {
    private let connection: ServerConnection
    /// Whether this is the connection's present exchange.
    var isActive = false

    init(_ connection: ServerConnection, eventLoop: any EventLoop, peer: DownstreamPeer) {
        self.connection = connection
        super.init(eventLoop: eventLoop, peer: peer)
    }

    override func writeInformational(_ head: ByteBuffer) {
        if isActive { connection.writeInformational(head) }
    }

    override func acceptBody() {
        if isActive { connection.acceptBody() }
    }

    override func headBuffer() -> ByteBuffer { connection.loop.spares.take() }

    override func writeHead(_ head: consuming ByteBuffer, body: ResponseBody, hasDate: Bool) {
        if isActive { connection.writeHead(consume head, body: body, hasDate: hasDate) }
    }

    override func switchProtocols(_ head: consuming ByteBuffer) {
        if isActive { connection.switchProtocols(consume head) }
    }

    override func writeBody(_ bytes: ByteBuffer) {
        if isActive { connection.writeBody(bytes) }
    }

    override func end(trailers: ByteBuffer?) {
        if isActive { connection.endResponse(trailers: trailers) }
    }

    override func flush() {
        if isActive { connection.flushSoon() }
    }

    override var isWritable: Bool { connection.isWritable }

    override func pauseBody() {
        if isActive { connection.pauseBody() }
    }

    override func resumeBody() {
        if isActive { connection.resumeBody() }
    }

    override func breakOffWhenSent() {
        if isActive { connection.breakOffWhenSent() }
    }

    override func abort() {
        if isActive { connection.abort() }
    }
}
