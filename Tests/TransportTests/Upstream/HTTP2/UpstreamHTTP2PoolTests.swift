import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("A pool whose server speaks HTTP/2")
struct UpstreamHTTP2PoolTests {
    private static let ok = [(":status", "200")]

    @Test("requests that come before the protocol is known wait for one connection, and share it")
    func noHerd() throws {
        let upstream = try UpstreamHarness.http2(.auto, isSecure: true)
        let handlers = try (0..<5).map { _ in try upstream.start() }
        #expect(upstream.attempts.count == 1)
        #expect(upstream.attempts[0].attempt.offer == [.http2, .http1])
        let attempt = try upstream.openHTTP2()
        #expect(try attempt.frames().filter { $0.type == 1 }.map(\.stream) == [1, 3, 5, 7, 9])
        attempt.send { for id in [9, 1, 3, 7, 5] as [UInt32] { $0.headers(id, Self.ok) } }
        #expect(handlers.allSatisfy { $0.events == ["head 200", "end"] })
        #expect(upstream.attempts.count == 1)
        #expect(try upstream.pool.idleCount == 1 && upstream.pool.activeCount == 0)
    }

    @Test("where the server chooses HTTP/1.1, each gets a connection of its own then")
    func choosesHTTP1() throws {
        let upstream = try UpstreamHarness.http2(.auto, isSecure: true)
        for _ in 0..<3 { _ = try upstream.start() }
        #expect(upstream.attempts.count == 1)
        let attempt = try upstream.open(speaking: .http1)
        #expect(try attempt.received().hasPrefix("M / HTTP/1.1"))
        #expect(upstream.attempts.count == 3)
    }

    @Test("a connection that cannot be made fails all that wait for it, and a later one is tried anew")
    func connectFails() throws {
        let upstream = try UpstreamHarness.http2()
        let handlers = try (0..<3).map { _ in try upstream.start() }
        upstream.attempts[0].promise.fail(ChannelError.connectTimeout(.seconds(1)))
        #expect(handlers.allSatisfy { $0.events == ["failed connect timeout"] })
        #expect(upstream.attempts.count == 1)
        _ = try upstream.start()
        #expect(upstream.attempts.count == 2)
    }

    @Test("one request is sent before the server's settings, and as many as they allow behind them")
    func settings() throws {
        let upstream = try UpstreamHarness.http2 { $0.http2.maxStreams = 4 }
        for _ in 0..<9 { _ = try upstream.start() }
        let attempt = try upstream.open(speaking: .http2)
        func heads(_ attempt: UpstreamHarness.Attempt) throws -> Int {
            try attempt.frames().filter { $0.type == 1 }.count
        }
        #expect(try heads(attempt) == 1)
        #expect(upstream.attempts.count == 1)
        attempt.send { $0.settings([(3, 3)]) }
        #expect(try heads(attempt) == 2)
        #expect(upstream.attempts.count == 2, "full, so that another is made")
        let second = try upstream.openHTTP2()
        #expect(try heads(second) == 4, "our own limit")
        #expect(upstream.attempts.count == 3)
        attempt.send { $0.headers(3, Self.ok) }
        #expect(try heads(attempt) == 1)
    }

    @Test("a server that allows no streams does not get one connection after another")
    func noStreams() throws {
        let upstream = try UpstreamHarness.http2()
        let first = try upstream.start()
        let attempt = try upstream.open(speaking: .http2)
        attempt.send {
            $0.settings([(3, 0)])
            $0.headers(1, Self.ok)
        }
        #expect(first.events == ["head 200", "end"])
        let third = try upstream.start()
        try upstream.pass(.seconds(6))
        #expect(third.events == ["failed queue timeout"])
        #expect(upstream.attempts.count == 1)
    }

    @Test("no more connections than the limit, and no longer a line than its own")
    func limits() throws {
        let upstream = try UpstreamHarness.http2 {
            $0.http2.maxStreams = 1
            $0.maxConnections = 2
            $0.maxQueued = 1
        }
        let handlers = try (0..<3).map { _ in try upstream.start() }
        _ = try upstream.openHTTP2()
        _ = try upstream.openHTTP2()
        #expect(upstream.attempts.count == 2)
        let late = try upstream.start()
        upstream.loop.run()
        #expect(late.events == ["failed queue full"])
        upstream.attempts[0].send { $0.headers(1, Self.ok) }
        #expect(handlers[0].events == ["head 200", "end"])
        #expect(try upstream.attempts[0].frames().last?.description == "HEADERS(3) end")
    }

    @Test("an upgrade gets a connection of HTTP/1.1 beside those of HTTP/2")
    func upgrade() throws {
        let upstream = try UpstreamHarness.http2(.auto, isSecure: true)
        _ = try upstream.start()
        let attempt = try upstream.openHTTP2()
        let socket = try upstream.start(mayUpgrade: true)
        #expect(upstream.attempts.count == 2)
        #expect(upstream.attempts[1].attempt.offer == [.http1])
        let other = try upstream.open(speaking: .http1)
        other.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        #expect(socket.events == ["switched 101", "complete"])
        #expect(try upstream.pool.activeCount == 2)
        try upstream.pool.close()
        socket.request?.cancel()
        attempt.send { $0.headers(1, Self.ok) }
        #expect(try upstream.pool.activeCount == 0)
    }

    @Test("where HTTP/2 is demanded, an upgrade is a request like any other")
    func upgradeOverHTTP2() throws {
        let upstream = try UpstreamHarness.http2()
        let handler = NotingResponse()
        handler.request = try upstream.pool.start(
            ByteBuffer(string: "GET / HTTP/1.1\r\nhost: u\r\nconnection: upgrade\r\nupgrade: websocket\r\n"),
            body: .none,
            isIdempotent: true, method: .get, mayUpgrade: true, handler: handler)
        let attempt = try upstream.openHTTP2()
        _ = try attempt.frames()
        #expect(attempt.sections[1] == [[":method: GET", ":scheme: http", ":path: /", ":authority: u"]])
    }

    @Test("a server that answers in HTTP/1.1 is told apart")
    func notHTTP2() throws {
        let upstream = try UpstreamHarness.http2()
        let handler = try upstream.start(isIdempotent: false)
        let attempt = try upstream.open(speaking: .http2)
        attempt.send("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        #expect(handler.events == ["failed server does not speak HTTP/2"])
        #expect(handler.request?.wasSent == false)
        #expect(!attempt.isOpen)
        let secure = try UpstreamHarness.http2(isSecure: true)
        _ = try secure.start()
        #expect(throws: UpstreamError.notHTTP2) { try secure.open(speaking: .http1) }
    }

    @Test("draining lets what is under way end, and serves who comes late")
    func drain() throws {
        let upstream = try UpstreamHarness.http2()
        let first = try upstream.start()
        let attempt = try upstream.openHTTP2()
        try upstream.pool.drain()
        let late = try upstream.start()
        _ = try attempt.frames()
        attempt.send {
            $0.headers(1, Self.ok)
            $0.headers(3, Self.ok)
        }
        #expect(first.events == ["head 200", "end"] && late.events == first.events)
        #expect(try attempt.shorts().last == "GOAWAY(0) 0")
        #expect(!attempt.isOpen)
        #expect(try upstream.pool.activeCount == 0)
    }

    @Test("closing lets the running answers end and nothing else")
    func close() throws {
        let upstream = try UpstreamHarness.http2()
        let first = try upstream.start()
        let attempt = try upstream.openHTTP2()
        try upstream.pool.close()
        let late = try upstream.start()
        upstream.loop.run()
        #expect(late.events == ["failed pool closed"])
        attempt.send { $0.headers(1, Self.ok) }
        #expect(first.events == ["head 200", "end"])
        #expect(!attempt.isOpen)
    }

    @Test("a connection to an address that its name no longer has takes no more requests")
    func outdated() throws {
        let server = UpstreamServer()
        var attempts: [UpstreamHarness.Attempt] = []
        let loop = EmbeddedEventLoop()
        var configuration = UpstreamConfiguration(name: "u", address: .host("api.internal", port: 1))
        configuration.protocol = .http2
        let pool = UpstreamPool(configuration, eventLoop: loop, server: server) { attempt in
            let promise = loop.makePromise(of: (any Channel).self)
            attempts.append(UpstreamHarness.Attempt(attempt, promise))
            return promise.futureResult
        }
        func start() -> NotingResponse {
            let handler = NotingResponse()
            handler.request = pool.start(
                ByteBuffer(string: "GET / HTTP/1.1\r\nhost: u\r\n"), body: .none, isIdempotent: true, method: .get,
                handler: handler)
            return handler
        }
        let handler = start()
        try attempts[0].open(loop, speaking: .http2)
        attempts[0].send { $0.settings() }
        _ = server.resolved([try SocketAddress(ipAddress: "10.0.0.9", port: 1)])
        pool.sweep.sweep(now: pool.sweep.now)
        _ = start()
        #expect(attempts.count == 2)
        attempts[0].send { $0.headers(1, Self.ok) }
        #expect(handler.events == ["head 200", "end"])
        #expect(!attempts[0].isOpen)
        pool.close()
        attempts[1].promise.fail(ChannelError.eof)
    }
}
