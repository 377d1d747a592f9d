import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("A client's connection after a 101")
struct ServerTunnelTests {
    private let ask = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

    private func open(_ limits: ServerLimits = ServerLimits()) throws -> (ServerHarness, NotingHandler) {
        let server = try ServerHarness(limits: limits)
        try server.channel.pipeline.syncOperations.addHandler(HalfClosing(), position: .first)
        server.send(ask)
        let handler = try #require(server.handler)
        handler.stream.switchProtocols(ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n"))
        return (server, handler)
    }

    @Test("the head is sent without framing, and bytes go both ways")
    func bytes() throws {
        let (server, handler) = try open()
        #expect(
            try server.received()
                == "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n")
        server.send("GET / HTTP/1.1\r\n")
        server.send("\u{0}\u{1}")
        #expect(handler.events == ["body GET / HTTP/1.1\r\n", "complete", "body \u{0}\u{1}", "complete"])
        handler.stream.writeBody(ByteBuffer(string: "back"))
        handler.stream.flush()
        #expect(try server.received() == "back")
        #expect(server.delegate.targets == ["/chat"], "nothing in a tunnel is a request")
    }

    @Test("what was sent ahead of the 101 comes first, and is no request")
    func early() throws {
        let server = try ServerHarness()
        server.send(ask + "hello")
        let handler = try #require(server.handler)
        #expect(handler.events == [])
        handler.stream.switchProtocols(ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n"))
        #expect(handler.events == ["body hello", "complete"])
    }

    @Test("what was sent ahead is the next request where the answer is not 101")
    func refused() throws {
        let server = try ServerHarness()
        server.send(ask + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        server.handler?.stream.answer("no")
        #expect(server.delegate.targets == ["/chat", "/next"])
    }

    @Test("each direction ends by itself, the client's first")
    func clientEnds() throws {
        let (server, handler) = try open()
        server.sendEnd()
        #expect(handler.events == ["end"])
        handler.stream.writeBody(ByteBuffer(string: "late"))
        handler.stream.flush()
        #expect(server.isOpen)
        handler.stream.end(trailers: nil)
        #expect(try server.received().hasSuffix("\r\n\r\nlate"))
        #expect(!server.isOpen)
        #expect(handler.events == ["end"], "a tunnel that ended has not broken off")
    }

    /// Closes one direction where the embedded channel would close both.
    private final class HalfClosing: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            if mode == .all { context.close(promise: promise) } else { promise?.succeed(()) }
        }
    }

    @Test("each direction ends by itself, ours first")
    func weEnd() throws {
        let (server, handler) = try open()
        handler.stream.end(trailers: nil)
        #expect(server.isOpen)
        server.send("more")
        handler.stream.writeBody(ByteBuffer(string: "nothing follows an end"))
        handler.stream.flush()
        server.sendEnd()
        #expect(handler.events == ["body more", "complete", "end"])
        #expect(try !server.received().contains("nothing"))
        #expect(!server.isOpen)
    }

    @Test("a lost client is told")
    func lost() throws {
        let (server, handler) = try open()
        server.channel.close(promise: nil)
        #expect(handler.events == ["closed peerClosed"])
    }

    @Test("reading stops while the handler does not take what comes")
    func pause() throws {
        var limits = ServerLimits()
        limits.maxPipelinedBytes = 4
        let (server, handler) = try open(limits)
        handler.stream.pauseBody()
        server.send("abcd")
        #expect(!server.reads)
        #expect(handler.events == [])
        handler.stream.resumeBody()
        #expect(server.reads)
        #expect(handler.events == ["body abcd", "complete"])
    }

    @Test("an idle tunnel is closed, and a byte in either direction moves the time on")
    func idle() throws {
        var limits = ServerLimits()
        limits.tunnelIdleTimeout = .minutes(10)
        let (server, handler) = try open(limits)
        server.pass(.minutes(9))
        server.send("a")
        server.pass(.minutes(9))
        handler.stream.writeBody(ByteBuffer(string: "b"))
        handler.stream.flush()
        server.pass(.minutes(9))
        #expect(server.isOpen)
        server.pass(.minutes(2))
        #expect(!server.isOpen)
        #expect(handler.events.last == "closed tunnelTimeout")
    }

    @Test("a tunnel that one side has closed is not waited for as long")
    func halfClosed() throws {
        let (server, handler) = try open()
        handler.stream.end(trailers: nil)
        server.pass(.minutes(2))
        #expect(!server.isOpen)
        #expect(handler.events == ["closed tunnelTimeout"])
    }

    @Test("draining lets a tunnel be until its time is over")
    func drain() throws {
        let (server, handler) = try open()
        _ = server.loop.drain()
        server.send("a")
        #expect(server.isOpen && handler.events == ["body a", "complete"])
        server.loop.closeAll()
        #expect(!server.isOpen)
        #expect(handler.events.last == "closed drained")
    }

    @Test("a request with a body still to come is not switched")
    func withBody() throws {
        let server = try ServerHarness()
        server.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        server.handler?.stream.switchProtocols(ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(try server.received() == "")
    }
}
