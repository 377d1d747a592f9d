import NIOCore
import Transport

/// Begins exchanges and keeps them, also those that are over.
final class FuzzedDelegate: RequestDelegate {
    private(set) var exchanges: [FuzzedExchange] = []
    private let accepts: Bool

    /// - Parameter accepts: Whether every body is taken as it comes.
    init(accepts: Bool) { self.accepts = accepts }

    func begin(_ stream: ServerStream) -> any RequestHandler {
        let exchange = FuzzedExchange(stream)
        exchanges.append(exchange)
        if accepts { stream.acceptBody() }
        return exchange
    }

    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? {
        ByteBuffer(string: "HTTP/1.1 \(status) Refused\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")
    }
}

/// One exchange that notes what it hears, and answers at random if it is told to.
final class FuzzedExchange: RequestHandler {
    /// Let go of when the exchange is over, so that the connection uses the object again.
    private var stream: ServerStream?
    /// The lines of the head as they were at the beginning, but for the key that we made up.
    let head: [String]
    private(set) var body: [UInt8] = []
    private(set) var isClosed = false
    private(set) var fault: String?
    private var isEnded = false

    init(_ stream: ServerStream) {
        self.stream = stream
        let request = stream.head
        let lines = request.fields.map { request.string($0.line) }.filter { !$0.hasPrefix("sec-websocket-key:") }
        head = [request.string(0..<request.targetRange.upperBound)] + lines
        fault = HTTP2HeadFuzz.fault(in: stream.head)
    }

    /// Does one of the things that a handler may do.
    func act(_ chance: inout Chance) {
        guard let stream else { return }
        switch chance.next() & 15 {
        case 0...2: stream.acceptBody()
        case 3:
            stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\nx: y\r\n"), body: .length(5))
            stream.writeBody(ByteBuffer(string: "hello"))
            stream.end(trailers: nil)
            self.stream = nil
        case 4, 5: stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
        case 6: stream.writeHead(ByteBuffer(string: "HTTP/1.1 204 No Content\r\n"), body: .none)
        case 7, 8:
            if stream.isWritable { stream.writeBody(ByteBuffer(repeating: 0x61, count: Int(chance.next() & 4095) + 1)) }
        case 9: stream.end(trailers: chance.next() & 1 == 0 ? nil : ByteBuffer(string: "A: b\r\nConnection: x\r\n"))
        case 10: stream.pauseBody()
        case 11: stream.resumeBody()
        case 12: stream.writeInformational(ByteBuffer(string: "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"))
        case 13:
            stream.switchProtocols(ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"))
        case 14: stream.flush()
        default: stream.abort()
        }
    }

    // MARK: Events

    func bodyReceived(_ bytes: ByteBuffer) {
        hear(isEnded ? "a body behind its end" : nil)
        body += bytes.readableBytesView
    }

    func bodyReadComplete() { hear(nil) }

    func requestEnded(trailers: ByteBuffer?) {
        hear(isEnded ? "a request that ends twice" : nil)
        isEnded = true
    }

    func responseWritable() { hear(nil) }

    func downstreamClosed(_ reason: StreamClosure) {
        hear(nil)
        isClosed = true
        stream = nil
    }

    private func hear(_ mistake: String?) {
        fault = fault ?? (isClosed ? "an event behind the end of the exchange" : mistake)
    }
}
