import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Requests to an upstream over HTTP/2")
struct UpstreamHTTP2RequestTests {
    typealias Attempt = UpstreamHarness.Attempt

    private func start(
        _ upstream: UpstreamHarness, _ head: String, body: RequestBody = .none, method: Transport.Method = .get
    ) throws -> NotingResponse {
        let handler = NotingResponse()
        handler.request = try upstream.pool.start(
            ByteBuffer(string: head), body: body, isIdempotent: false, method: method, handler: handler)
        return handler
    }

    @Test("a head has its pseudo-header fields first, and nothing that belongs to a connection of HTTP/1.1")
    func head() throws {
        let upstream = try UpstreamHarness.http2(.auto, isSecure: true)
        _ = try start(
            upstream,
            "PATCH /a?b=c HTTP/1.1\r\nX-One:  1 \r\nHost: api.example.com:8443\r\nconnection: upgrade\r\n"
                + "upgrade: websocket\r\nkeep-alive: 1\r\ntransfer-encoding: chunked\r\nte: trailers\r\nCookie: a=1\r\n",
            body: .length(3))
        let attempt = try upstream.openHTTP2()
        let frames = try attempt.frames()
        #expect(
            frames.map(\.description) == ["SETTINGS", "SETTINGS ack", "WINDOW_UPDATE(0) 983041", "HEADERS(1)"])
        #expect(
            attempt.sections[1]?.first == [
                ":method: PATCH", ":scheme: https", ":path: /a?b=c", ":authority: api.example.com:8443", "x-one: 1",
                "te: trailers", "cookie: a=1", "content-length: 3",
            ])
    }

    @Test("settings switch pushes off and bound what may come")
    func settings() throws {
        let upstream = try UpstreamHarness.http2 { $0.http2.streamWindow = 70_000 }
        _ = try upstream.start()
        let attempt = try upstream.open(speaking: .http2)
        let frame = try #require(try attempt.frames().first)
        let pairs = stride(from: 0, to: frame.payload.count, by: 6).map {
            [UInt32(frame.payload[$0]) << 8 | UInt32(frame.payload[$0 + 1]), frame.word(at: $0 + 2)]
        }
        #expect(pairs == [[2, 0], [4, 70_000], [6, 64 * 1024], [9, 1]])
    }

    @Test("a request without a body leaves in one write, and ends its stream")
    func bodiless() throws {
        let upstream = try UpstreamHarness.http2()
        let first = try upstream.start(target: "/1")
        let attempt = try upstream.openHTTP2()
        #expect(try attempt.shorts().last == "SETTINGS ack")
        attempt.send { $0.headers(1, [(":status", "204")]) }
        #expect(first.events == ["head 204", "end"])
        _ = try attempt.frames()
        _ = try upstream.start(target: "/2")
        let piece = try #require(try attempt.channel?.readOutbound(as: ByteBuffer.self))
        let frames = ReceivedFrame.all(Array(piece.readableBytesView))
        #expect(frames.map(\.description) == ["HEADERS(3) end"])
        #expect(upstream.attempts.count == 1)
    }

    @Test("a body follows its head, and trailers end it", arguments: [true, false])
    func body(isKnown: Bool) throws {
        let upstream = try UpstreamHarness.http2()
        let handler = try upstream.start(.post, body: isKnown ? .length(5) : .stream, isIdempotent: false)
        handler.request?.writeBody(ByteBuffer(string: "ab"))
        let attempt = try upstream.openHTTP2()
        #expect(handler.events == ["writable"])
        handler.request?.writeBody(ByteBuffer(string: "cde"))
        handler.request?.end(trailers: ByteBuffer(string: "X-Sum: 1\r\nconnection: close\r\n"))
        let frames = try attempt.frames()
        let data = frames.filter { $0.type == 0 }
        #expect(data.map(\.text).joined() == "abcde")
        if isKnown {
            #expect(data.last?.endsStream == true)
        } else {
            #expect(frames.last?.description == "HEADERS(1) end")
            #expect(attempt.sections[1]?.last == ["x-sum: 1"])
        }
    }

    @Test("a body that is not as long as announced fails the request and resets its stream", arguments: ["ab", "abcd"])
    func wrongLength(text: String) throws {
        let upstream = try UpstreamHarness.http2()
        let handler = try upstream.start(.post, body: .length(3), isIdempotent: false)
        let attempt = try upstream.openHTTP2()
        handler.request?.writeBody(ByteBuffer(string: text))
        handler.request?.end(trailers: nil)
        #expect(handler.events.last == "failed broken off")
        #expect(try attempt.shorts().contains("RST_STREAM(1) 8"))
        #expect(attempt.isOpen)
    }

    @Test("a body goes no further than the server's window, pauses at its mark and goes on")
    func window() throws {
        let upstream = try UpstreamHarness.http2()
        let handler = try upstream.start(.post, body: .stream, isIdempotent: false)
        let attempt = try upstream.openHTTP2([(4, 1000)])
        let request = try #require(handler.request)
        #expect(request.isWritable)
        request.writeBody(ByteBuffer(repeating: 0x61, count: 200_000))
        request.flush()
        #expect(!request.isWritable)
        func sent() throws -> Int { try attempt.frames().filter { $0.type == 0 }.reduce(0) { $0 + $1.payload.count } }
        #expect(try sent() == 1000)
        let told = handler.events.count
        attempt.send {
            $0.windowUpdate(0, 1_000_000)
            $0.windowUpdate(1, 100_000)
        }
        #expect(try sent() == 100_000)
        #expect(handler.events.count == told)
        attempt.send { $0.windowUpdate(1, 90_000) }
        #expect(try sent() == 90_000)
        #expect(handler.events.last == "writable")
        #expect(request.isWritable)
    }

    @Test("nothing is gathered while the socket is full")
    func fullSocket() throws {
        let upstream = try UpstreamHarness.http2()
        let handler = try upstream.start(.post, body: .stream, isIdempotent: false)
        let attempt = try upstream.openHTTP2()
        _ = try attempt.frames()
        attempt.setWritable(false)
        handler.request?.writeBody(ByteBuffer(string: "x"))
        handler.request?.end(trailers: nil)
        #expect(try attempt.frames().isEmpty)
        attempt.setWritable(true)
        #expect(try attempt.shorts() == ["DATA(1) 1 end"])
    }

    @Test("giving up resets the stream, and the connection goes on")
    func cancel() throws {
        let upstream = try UpstreamHarness.http2()
        let first = try upstream.start()
        let attempt = try upstream.openHTTP2()
        let second = try upstream.start()
        _ = try attempt.frames()
        first.request?.cancel()
        #expect(try attempt.shorts() == ["RST_STREAM(1) 8"])
        attempt.send {
            $0.headers(1, [(":status", "200")], ends: false)
            $0.data(1, "late")
            $0.headers(3, [(":status", "200")])
        }
        #expect(first.events == [])
        #expect(second.events == ["head 200", "end"])
        #expect(try upstream.pool.idleCount == 1)
    }

    @Test("requests that are ready together leave in one write")
    func together() throws {
        let upstream = try UpstreamHarness.http2()
        _ = try upstream.start()
        let attempt = try upstream.openHTTP2()
        _ = try attempt.frames()
        for _ in 0..<3 { _ = try upstream.start() }
        #expect(try attempt.pieces().isEmpty)
        upstream.loop.run()
        let pieces = try #require(try attempt.channel?.readOutbound(as: ByteBuffer.self))
        #expect(ReceivedFrame.all(Array(pieces.readableBytesView)).map(\.stream) == [3, 5, 7])
    }

    @Test("objects of streams that are over are used again")
    func reuse() throws {
        let upstream = try UpstreamHarness.http2()
        let first = try upstream.start()
        let attempt = try upstream.openHTTP2()
        let before = try ObjectIdentifier(#require(attempt.http2.streams.first))
        attempt.send { $0.headers(1, [(":status", "200")]) }
        #expect(first.events.last == "end")
        _ = try upstream.start()
        #expect(try attempt.http2.streams.first.map(ObjectIdentifier.init) == before)
    }
}
