import NIOCore
import Testing

@testable import Transport

@Suite("WebSocket on HTTP/2 (RFC 8441)")
struct HTTP2TunnelTests {
    private let ask = FrameWriter.request(
        "/chat", method: "CONNECT", [(":protocol", "websocket"), ("sec-websocket-version", "13")])
    private let switched =
        "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\nsec-websocket-protocol: chat\r\nupgrade: websocket\r\n"

    private func open(_ limits: ServerLimits = ServerLimits()) throws -> (HTTP2Harness, NotingHandler) {
        let server = try HTTP2Harness(limits: limits)
        server.send { $0.headers(1, ask, ends: false) }
        let handler = try #require(server.handler)
        handler.stream.switchProtocols(ByteBuffer(string: switched))
        return (server, handler)
    }

    @Test("an extended CONNECT is the upgrade that it is in HTTP/1.1")
    func request() throws {
        let server = try HTTP2Harness()
        server.send { $0.headers(1, ask, ends: false) }
        let head = try #require(server.handler).stream.head
        let text = String(buffer: head.bytes)
        #expect(text.hasPrefix("GET /chat HTTP/1.1\r\nhost: a\r\nsec-websocket-version: 13\r\n"))
        #expect(head.method == .get && head.string(head.targetRange) == "/chat" && head.body == .none)
        let upgrade = try #require(head.first(.upgrade))
        #expect(head.hasUpgrade && head.isNominated(upgrade) && head.string(upgrade.value) == "websocket")
        let key = try #require(head.fields(named: "sec-websocket-key").first)
        #expect(key.value.count == 24 && head.string(key.value).hasSuffix("=="))
    }

    @Test("keys differ, and the last digit holds two bits")
    func keys() {
        let keys = (0..<200).map { _ in HTTP2RequestReader.randomKey() }
        #expect(Set(keys).count == keys.count)
        #expect(keys.allSatisfy { "AQgw".utf8.contains($0[21]) })
    }

    @Test("it is answered 200, without what only HTTP/1.1 has, and bytes go both ways")
    func bytes() throws {
        let (server, handler) = try open()
        let frames = try server.frames()
        let fields = server.fields(of: try #require(frames.first))
        #expect(fields.first == ":status: 200" && fields.contains("sec-websocket-protocol: chat"))
        #expect(!fields.contains { $0.hasPrefix("upgrade") || $0.hasPrefix("sec-websocket-accept") })
        #expect(frames.first?.endsStream == false)
        server.send { $0.data(1, "over") }
        #expect(handler.events == ["body over", "complete"])
        handler.stream.writeBody(ByteBuffer(string: "back"))
        handler.stream.flush()
        #expect(try server.frames().map(\.text) == ["back"])
    }

    @Test("what was sent ahead comes first")
    func early() throws {
        let server = try HTTP2Harness()
        server.send {
            $0.headers(1, ask, ends: false)
            $0.data(1, "early")
        }
        let handler = try #require(server.handler)
        #expect(handler.events.isEmpty)
        handler.stream.switchProtocols(ByteBuffer(string: switched))
        #expect(handler.events == ["body early", "complete"])
    }

    @Test("each direction ends by itself", arguments: [true, false])
    func ends(clientFirst: Bool) throws {
        let (server, handler) = try open()
        _ = try server.frames()
        if clientFirst {
            server.send { $0.data(1, "", ends: true) }
            #expect(handler.events == ["end"])
            handler.stream.writeBody(ByteBuffer(string: "late"))
            handler.stream.end(trailers: nil)
            #expect(try server.frames().last?.endsStream == true)
        } else {
            handler.stream.end(trailers: nil)
            #expect(try server.frames().last?.endsStream == true)
            server.send { $0.data(1, "late", ends: true) }
            // The end is the last that is said, and flushes.
            #expect(handler.events == ["body late", "end"])
        }
        #expect(server.isOpen && server.connection.streams.isEmpty)
    }

    @Test("another answer ends the stream, and the connection goes on")
    func refused() throws {
        let server = try HTTP2Harness { $0.stream.answer("no", status: "402 Payment Required") }
        server.send { $0.headers(1, ask, ends: false) }
        #expect(server.fields(of: try server.frames()[0]).first == ":status: 402")
        server.send { $0.headers(3, FrameWriter.request("/next")) }
        #expect(server.delegate.targets == ["/chat", "/next"])
    }

    @Test("an idle tunnel is reset, and a byte moves the time on")
    func idle() throws {
        var limits = ServerLimits()
        limits.tunnelIdleTimeout = .minutes(10)
        let (server, handler) = try open(limits)
        _ = try server.frames()
        server.pass(.minutes(9))
        server.send { $0.data(1, "a") }
        server.pass(.minutes(9))
        #expect(handler.events == ["body a", "complete"])
        server.pass(.minutes(2))
        #expect(handler.events.last == "closed tunnelTimeout")
        #expect(server.isOpen)
    }
}
