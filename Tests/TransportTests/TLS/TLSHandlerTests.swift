import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("The TLS handler in its handshake")
struct TLSHandlerTests {
    /// Notes the errors that reach the end of the pipeline.
    private final class ErrorCatcher: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var errors: [TransportError] = []

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? TransportError { errors.append(error) }
        }
    }

    private let channel = EmbeddedChannel()
    private let catcher = ErrorCatcher()

    private func connect(_ host: String = "pay.example", isIPLiteral: Bool = false) throws {
        let engine = try TLSEngine(
            context: TLSContext(client: .systemTrust), connectingTo: host, isIPLiteral: isIPLiteral)
        try channel.pipeline.syncOperations.addHandlers(TLSHandler(engine: engine), catcher)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func sent() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += Array(buffer.readableBytesView) }
        return bytes
    }

    private func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: text.utf8) }
    }

    @Test("The first message goes out at once and names the server and HTTP/1.1")
    func hello() throws {
        try connect()
        let bytes = try sent()
        // A handshake record of legacy version 1.0 (RFC 8446 §5.1).
        #expect(bytes.starts(with: [22, 3, 1]))
        #expect(contains(bytes, "pay.example"))
        #expect(contains(bytes, "http/1.1"))
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("An address is not sent as a name")
    func helloToAddress() throws {
        try connect("192.0.2.1", isIPLiteral: true)
        let bytes = try sent()
        #expect(!contains(bytes, "192.0.2.1"))
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("What is written before the handshake ends waits, and fails if it never ends")
    func earlyWrite() throws {
        try connect()
        _ = try sent()
        let write = channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        #expect(try sent().isEmpty)
        channel.pipeline.fireChannelInactive()
        #expect(throws: ChannelError.self) { try write.wait() }
        #expect(catcher.errors.map(\.code) == [.tlsHandshakeFailed])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("No more than the limit may be written before the handshake ends")
    func earlyWriteLimit() throws {
        try connect()
        let half = ByteBuffer(repeating: 0, count: TLSHandler.maxBytesBeforeHandshake / 2)
        channel.write(half, promise: nil)
        channel.write(half, promise: nil)
        #expect(channel.isActive)
        #expect(throws: ChannelError.self) { try channel.writeAndFlush(ByteBuffer(repeating: 0, count: 1)).wait() }
        #expect(!channel.isActive)
        #expect(catcher.errors.map(\.code) == [.tlsFailed])
    }

    @Test(
        "An answer that is no TLS ends the connection",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n\r\n", "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{28}", "\u{0}\u{0}\u{0}\u{0}\u{0}",
        ])
    func garbage(_ answer: String) throws {
        try connect()
        try channel.writeInbound(ByteBuffer(string: answer))
        #expect(catcher.errors.map(\.code) == [.tlsHandshakeFailed])
        #expect(!channel.isActive)
    }

    @Test("Half a record is waited for")
    func partial() throws {
        try connect()
        try channel.writeInbound(ByteBuffer(bytes: [22, 3, 3]))
        #expect(channel.isActive)
        #expect(catcher.errors.isEmpty)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
