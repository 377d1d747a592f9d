import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

/// Notes the events of one request as text.
final class NotingHandler: RequestHandler {
    let stream: ServerStream
    private(set) var events: [String] = []
    var onBody: ((ServerStream, ByteBuffer) -> Void)?
    var onEnd: ((ServerStream) -> Void)?
    var onWritable: ((ServerStream) -> Void)?

    init(_ stream: ServerStream) {
        self.stream = stream
    }

    func bodyReceived(_ bytes: ByteBuffer) {
        events.append("body \(String(buffer: bytes))")
        onBody?(stream, bytes)
    }

    func bodyReadComplete() {
        events.append("complete")
    }

    func requestEnded(trailers: ByteBuffer?) {
        events.append(trailers.map { "end \(String(buffer: $0))" } ?? "end")
        onEnd?(stream)
    }

    func responseWritable() {
        events.append("writable")
        onWritable?(stream)
    }

    func downstreamClosed(_ reason: StreamClosure) {
        events.append("closed \(reason)")
    }
}

/// Hands each request to a closure.
final class ScriptedDelegate: RequestDelegate {
    var script: (NotingHandler) -> Void
    private(set) var handlers: [NotingHandler] = []
    private(set) var targets: [String] = []
    private(set) var refusals: [HeadRefusal] = []

    init(_ script: @escaping (NotingHandler) -> Void) {
        self.script = script
    }

    func begin(_ stream: ServerStream) -> any RequestHandler {
        let handler = NotingHandler(stream)
        handlers.append(handler)
        targets.append(stream.head.string(stream.head.targetRange))
        script(handler)
        return handler
    }

    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? {
        refusals.append(refusal)
        return ByteBuffer(string: "HTTP/1.1 \(status) Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }
}

extension ServerStream {
    /// Writes a whole answer of known length.
    func answer(_ body: String, status: String = "200 OK", fields: String = "") {
        writeHead(
            ByteBuffer(string: "HTTP/1.1 \(status)\r\n\(fields)"), body: .length(UInt64(body.utf8.count)))
        writeBody(ByteBuffer(string: body))
        end(trailers: nil)
    }
}

/// A server connection on an embedded channel, with a fixed date.
final class ServerHarness {
    let channel = EmbeddedChannel()
    let delegate: ScriptedDelegate
    let loop: ServerLoop
    let connection: ServerConnection

    static let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

    init(
        limits: ServerLimits = ServerLimits(), census: ConnectionCensus = ConnectionCensus(limit: 10),
        _ script: @escaping (NotingHandler) -> Void = { _ in }
    ) throws {
        delegate = ScriptedDelegate(script)
        loop = ServerLoop(eventLoop: channel.eventLoop, limits: limits, delegate: delegate, census: census)
        connection = ServerConnection(loop: loop)
        try channel.pipeline.syncOperations.addHandler(connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        loop.date.render(784_111_777)
    }

    deinit {
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    /// Delivers bytes as one read event.
    func send(_ text: String) {
        send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) {
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes))
        channel.pipeline.fireChannelReadComplete()
    }

    /// Ends the client's half of the connection.
    func sendEnd() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    /// Takes what was flushed, piece by piece.
    func pieces() throws -> [String] {
        var pieces: [String] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { pieces.append(String(buffer: piece)) }
        return pieces
    }

    /// Takes what was flushed, as one text.
    func received() throws -> String {
        try pieces().joined()
    }

    /// Sweeps as if so much time had passed.
    func pass(_ time: TimeAmount) {
        loop.sweep.sweep(now: loop.sweep.now + time)
    }

    func setWritable(_ isWritable: Bool) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
    }

    var isOpen: Bool { channel.isActive }

    /// Whether the connection lets the channel read.
    var reads: Bool {
        for case (is ChannelOptions.Types.AutoReadOption, let value as Bool) in channel.options { return value }
        return true
    }

    var handler: NotingHandler? { delegate.handlers.last }
}
