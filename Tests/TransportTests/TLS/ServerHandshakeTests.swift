import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("A connection in its handshake")
struct ServerHandshakeTests {
    private struct Files {
        let authority: TestAuthority
        let certificate: ServerTLSConfiguration.Certificate

        init() async throws {
            authority = try await TestAuthority()
            certificate = try await authority.issue("a", for: ["localhost"])
        }
    }

    /// A listener's channel with TLS, and a client in memory that speaks to it.
    private final class Harness {
        let channel = EmbeddedChannel()
        let loop: ServerLoop
        let tls: ServerTLS
        let client: TLSEngine
        let delegate: ScriptedDelegate

        /// Waits for nothing, so that a test stays on the thread that the channel is made on.
        init(_ files: Files, limit: Int = 10, _ script: @escaping (NotingHandler) -> Void = { _ in }) throws {
            let authority = files.authority
            tls = try ServerTLS(.init(certificates: [files.certificate]))
            let context = try TLSContext(client: .only(authority.authority))
            client = try TLSEngine(context: context, connectingTo: "localhost", isIPLiteral: false)
            delegate = ScriptedDelegate(script)
            loop = ServerLoop(
                eventLoop: channel.eventLoop, limits: ServerLimits(), delegate: delegate,
                census: ConnectionCensus(limit: limit))
            try ServerPipeline(loop: loop, options: ListenerOptions(tls: tls)).install(on: channel)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

        func send(_ bytes: ByteBuffer) {
            channel.pipeline.fireChannelRead(bytes)
            channel.pipeline.fireChannelReadComplete()
        }

        /// Carries bytes both ways until nobody has more to say.
        func shake() throws {
            for _ in 0..<10 {
                _ = client.handshake()
                if let bytes = client.takeOutput() { send(bytes) }
                while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
                    client.receive(bytes)
                    _ = client.handshake()
                }
            }
        }

        func request(_ text: String) throws -> String {
            _ = Array(text.utf8).withUnsafeBytes { client.write($0) }
            if let bytes = client.takeOutput() { send(bytes) }
            return try received()
        }

        func received() throws -> String {
            var plaintext = ByteBuffer()
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) { client.receive(bytes) }
            _ = client.read(into: &plaintext)
            return String(buffer: plaintext)
        }

        func pass(_ time: TimeAmount) { loop.sweep.sweep(now: loop.sweep.now + time) }
    }

    @Test("The protocol's handler follows, and knows that it is secure")
    func follows() async throws {
        let files = try await Files()
        let harness = try Harness(files) { $0.stream.answer("ok") }
        try harness.shake()
        #expect(harness.client.isHandshakeDone)
        #expect(harness.loop.census.count == 1)
        #expect(harness.loop.sweep.count == 1)
        #expect(harness.tls.counts.completed == 1)
        let answer = try harness.request("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nok"))
        let peer = try #require(harness.delegate.handlers.last?.stream.peer)
        #expect(peer.isSecure)
        #expect(peer.tls?.serverName == "localhost")
        #expect(peer.tls?.version == .tls13)
        harness.channel.pipeline.fireChannelInactive()
        #expect(harness.loop.census.count == 0)
        #expect(harness.loop.sweep.count == 0)
    }

    @Test("A client that does not go on is closed in time")
    func stall() async throws {
        let files = try await Files()
        let harness = try Harness(files)
        harness.pass(.seconds(9))
        #expect(harness.channel.isActive)
        harness.pass(.seconds(2))
        #expect(!harness.channel.isActive)
        #expect(harness.tls.counts.failed == 1)
        #expect(harness.loop.census.count == 0)
    }

    @Test("Draining closes it, and one connection too many gets no handshake")
    func drained() async throws {
        let files = try await Files()
        let harness = try Harness(files)
        _ = harness.loop.drain()
        #expect(!harness.channel.isActive)
        #expect(harness.loop.sweep.count == 0)
        let full = try Harness(files, limit: 0)
        #expect(!full.channel.isActive)
        #expect(full.loop.census.count == 0)
    }

    @Test("A client without TLS is told to use it")
    func plaintext() async throws {
        let files = try await Files()
        let harness = try Harness(files)
        harness.send(ByteBuffer(string: "GET / HTTP/1.1\r\nhost: a\r\n\r\n"))
        let answer = try #require(try harness.channel.readOutbound(as: ByteBuffer.self))
        let text = String(buffer: answer)
        #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(text.hasSuffix("\r\n\r\nThis port speaks TLS: ask again with https instead of http.\n"))
        let body = try #require(text.split(separator: "\r\n\r\n", maxSplits: 1).last)
        #expect(text.contains("content-length: \(body.utf8.count)\r\n"))
        #expect(harness.tls.counts.failed == 1)
        harness.pass(.seconds(6))
        #expect(!harness.channel.isActive)
    }

    @Test("The end that a client announces ends its requests, not the answer")
    func closeNotify() async throws {
        let files = try await Files()
        let harness = try Harness(files)
        try harness.shake()
        _ = try harness.request("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        harness.client.close()
        harness.send(try #require(harness.client.takeOutput()))
        #expect(harness.channel.isActive)
        let stream = try #require(harness.delegate.handlers.last?.stream)
        stream.answer("ok")
        #expect(try harness.received().hasSuffix("\r\n\r\nok"))
        #expect(!harness.channel.isActive)
    }
}
