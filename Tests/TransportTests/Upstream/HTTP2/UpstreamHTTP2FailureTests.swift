import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Connections of HTTP/2 to an upstream that fail or are ended")
struct UpstreamHTTP2FailureTests {
    private static let ok = [(":status", "200")]

    private func open(
        _ count: Int, body: RequestBody = .none, isIdempotent: Bool = true,
        _ change: (inout UpstreamConfiguration) -> Void = { _ in }
    ) throws -> (UpstreamHarness, UpstreamHarness.Attempt, [NotingResponse]) {
        let upstream = try UpstreamHarness.http2(.http2, isSecure: false, change)
        let handlers = try (0..<count).map { _ in
            try upstream.start(body == .none ? .get : .post, body: body, isIdempotent: isIdempotent)
        }
        let attempt = try upstream.openHTTP2()
        _ = try attempt.frames()
        return (upstream, attempt, handlers)
    }

    private static func goAway(_ writer: inout FrameWriter, last: UInt32, code: UInt32 = 0) {
        writer.frame(7, FrameWriter.word(last) + FrameWriter.word(code))
    }

    @Test("streams above the last of a GOAWAY go to another connection, whatever they ask for")
    func goAway() throws {
        let (upstream, attempt, handlers) = try open(3, isIdempotent: false)
        attempt.send { Self.goAway(&$0, last: 3) }
        #expect(upstream.attempts.count == 2)
        let next = try upstream.openHTTP2()
        #expect(try next.frames().filter { $0.type == 1 }.count == 1)
        attempt.send {
            $0.headers(1, Self.ok)
            $0.headers(3, Self.ok)
        }
        next.send { $0.headers(1, Self.ok) }
        #expect(handlers.allSatisfy { $0.events == ["head 200", "end"] })
        #expect(!attempt.isOpen && next.isOpen)
        #expect(try upstream.pool.idleCount == 1 && upstream.pool.activeCount == 0)
    }

    @Test("a GOAWAY in two steps loses nothing, and lets no new request in")
    func graceful() throws {
        let (upstream, attempt, handlers) = try open(1)
        attempt.send { Self.goAway(&$0, last: 0x7fff_ffff) }
        #expect(attempt.isOpen)
        _ = try upstream.start()
        #expect(upstream.attempts.count == 2)
        attempt.send {
            Self.goAway(&$0, last: 1)
            $0.headers(1, Self.ok)
        }
        #expect(handlers[0].events == ["head 200", "end"])
        #expect(!attempt.isOpen)
    }

    @Test("a refused stream is sent again, with its body while it is short")
    func refused() throws {
        let (upstream, attempt, handlers) = try open(1, body: .length(5), isIdempotent: false)
        handlers[0].request?.writeBody(ByteBuffer(string: "abc"))
        handlers[0].request?.flush()
        #expect(try attempt.frames().last?.text == "abc")
        attempt.send { $0.reset(1, code: 7) }
        handlers[0].request?.writeBody(ByteBuffer(string: "de"))
        handlers[0].request?.end(trailers: nil)
        let frames = try attempt.frames()
        #expect(frames.filter { $0.type == 1 }.map(\.stream) == [3])
        #expect(frames.filter { $0.type == 0 }.map(\.text).joined() == "abcde")
        #expect(frames.last?.endsStream == true)
        attempt.send { $0.headers(3, Self.ok) }
        #expect(handlers[0].events.suffix(2) == ["head 200", "end"])
        #expect(upstream.attempts.count == 1)
    }

    @Test("a server that refuses again and again is believed")
    func refusedAgain() throws {
        let (_, attempt, handlers) = try open(1, isIdempotent: false)
        for id in [1, 3, 5, 7, 9] as [UInt32] { attempt.send { $0.reset(id, code: 7) } }
        #expect(handlers[0].events == [])
        attempt.send { $0.reset(11, code: 7) }
        #expect(handlers[0].events == ["failed refused by the server, unprocessed"])
        #expect(handlers[0].request?.wasSent == false, "another server may have it")
    }

    @Test("a long body that has begun to flow is not sent again")
    func refusedLong() throws {
        let (_, attempt, handlers) = try open(1, body: .stream, isIdempotent: false)
        handlers[0].request?.writeBody(ByteBuffer(repeating: 0x61, count: 20_000))
        handlers[0].request?.flush()
        _ = try attempt.frames()
        attempt.send { $0.reset(1, code: 7) }
        #expect(handlers[0].events.last == "failed refused by the server, unprocessed")
        #expect(handlers[0].request?.wasSent == true)
    }

    @Test("when the connection is lost, each request ends on its own")
    func lost() throws {
        let (upstream, attempt, handlers) = try open(4, isIdempotent: false)
        attempt.send {
            $0.headers(1, Self.ok)
            $0.headers(3, Self.ok, ends: false)
        }
        attempt.sendEnd()
        #expect(
            handlers.map(\.events.last) == [
                "end", "failed broken off", "failed closed before response", "failed closed before response",
            ])
        #expect(try upstream.pool.activeCount == 0)
        #expect(upstream.attempts.count == 1)
    }

    @Test("what a connection that had served before lost unanswered is sent once more, where that is safe")
    func lostReused() throws {
        let (upstream, attempt, handlers) = try open(1)
        attempt.send { $0.headers(1, Self.ok) }
        #expect(handlers[0].events.last == "end")
        let safe = try upstream.start()
        let unsafe = try upstream.start(.post, isIdempotent: false)
        _ = try attempt.frames()
        attempt.sendEnd()
        #expect(unsafe.events == ["failed closed before response"])
        let next = try upstream.openHTTP2()
        #expect(safe.events == [])
        next.send { $0.headers(1, Self.ok) }
        #expect(safe.events == ["head 200", "end"])
    }

    @Test(
        "a breach of the protocol ends the connection and all that it carries", arguments: ["frame", "push", "stream"])
    func breach(kind: String) throws {
        let (upstream, attempt, handlers) = try open(2)
        attempt.send { writer in
            switch kind {
            case "frame": writer.frame(6, [1])
            case "push": writer.frame(5, flags: 4, stream: 1, [0, 0, 0, 2] + FrameWriter.block(FrameWriter.request()))
            default: writer.headers(2, Self.ok)
            }
        }
        #expect(handlers.allSatisfy { $0.events.last == "failed malformed response" })
        #expect(try attempt.shorts().contains { $0.hasPrefix("GOAWAY(0)") })
        #expect(!attempt.isOpen)
        #expect(try upstream.pool.activeCount == 0)
    }

    @Test(
        "frames that carry nothing are limited",
        arguments: ["ping", "settings", "window", "priority", "data", "continuation", "unknown"])
    func floods(kind: String) throws {
        let (_, attempt, handlers) = try open(1) { $0.http2.maxControlFrames = 50 }
        attempt.send { $0.headers(1, Self.ok, ends: false) }
        if kind == "continuation" { attempt.send { $0.frame(1, stream: 1, FrameWriter.block([("a", "b")])) } }
        var count = 0
        while attempt.isOpen, count < 200 {
            count += 1
            attempt.send { writer in
                switch kind {
                case "ping": writer.ping()
                case "settings": writer.settings()
                case "window": writer.windowUpdate(0, 1)
                case "priority": writer.frame(2, stream: 1, [0, 0, 0, 0, 7])
                case "data": writer.data(1, "")
                case "continuation": writer.frame(9, stream: 1, FrameWriter.block([("a", "b")]))
                default: writer.frame(0x77)
                }
            }
        }
        // Some editions of nghttp2 allow even fewer pieces of a field section than we do.
        #expect((kind == "continuation" ? 8...17 : 40...60).contains(count))
        #expect(try attempt.shorts().last == "GOAWAY(0) 11")
        #expect(handlers[0].events.last == "failed malformed response")
    }

    @Test("time is limited for each stream", arguments: ["head", "body", "request"])
    func streamTimes(kind: String) throws {
        let (upstream, attempt, handlers) = try open(1, body: kind == "request" ? .stream : .none) {
            $0.firstByteTimeout = .seconds(10)
            $0.bodyIdleTimeout = .seconds(10)
        }
        switch kind {
        case "body": attempt.send { $0.headers(1, Self.ok, ends: false) }
        case "request":
            handlers[0].request?.writeBody(ByteBuffer(repeating: 0x61, count: 100_000))
            handlers[0].request?.flush()
        default: break
        }
        _ = try attempt.frames()
        let other = try upstream.start()
        _ = try attempt.frames()
        try upstream.pass(.seconds(9))
        #expect(handlers[0].events.last?.hasPrefix("failed") != true)
        attempt.send { $0.headers(3, Self.ok, ends: false) }
        _ = try upstream.start()
        try upstream.pass(.seconds(2))
        #expect(handlers[0].events.last == (kind == "head" ? "failed first byte timeout" : "failed idle timeout"))
        let sent = try attempt.shorts()
        #expect(sent.contains("RST_STREAM(1) 8") && sent.contains("PING"))
        #expect(other.events == ["head 200", "complete"])
        attempt.send {
            $0.ping(ack: true)
            $0.data(3, "x", ends: true)
        }
        #expect(other.events.last == "end")
        try upstream.pass(.seconds(6))
        #expect(attempt.isOpen)
    }

    @Test("a connection that shows no life after a late answer is given up, and gets no request meanwhile")
    func dead() throws {
        let (upstream, attempt, handlers) = try open(2) {
            $0.firstByteTimeout = .seconds(10)
            $0.http2.pingTimeout = .seconds(3)
        }
        try upstream.pass(.seconds(2))
        let later = try upstream.start()
        _ = try attempt.frames()
        try upstream.pass(.seconds(9))
        #expect(handlers.allSatisfy { $0.events == ["failed first byte timeout"] })
        _ = try upstream.start()
        #expect(upstream.attempts.count == 2)
        try upstream.pass(.seconds(4))
        #expect(!attempt.isOpen)
        #expect(later.events.last?.hasPrefix("failed") == true)
    }

    @Test("a paused client is not timed, and a server that takes nothing is")
    func pausedAndStuck() throws {
        let (upstream, attempt, handlers) = try open(1) { $0.bodyIdleTimeout = .seconds(10) }
        attempt.send { $0.headers(1, Self.ok, ends: false) }
        handlers[0].request?.pause()
        try upstream.pass(.seconds(60))
        #expect(handlers[0].events == ["head 200", "complete"])
        attempt.setWritable(false)
        try upstream.pass(.seconds(11))
        #expect(!attempt.isOpen)
        #expect(handlers[0].events.last == "failed idle timeout")
    }

    @Test("an idle connection says goodbye when its time is over")
    func idle() throws {
        let (upstream, attempt, _) = try open(1) { $0.keepAliveTimeout = .seconds(10) }
        attempt.send { $0.headers(1, Self.ok) }
        try upstream.pass(.seconds(9))
        #expect(attempt.isOpen)
        attempt.send { $0.ping() }
        try upstream.pass(.seconds(2))
        #expect(!attempt.isOpen)
        #expect(try attempt.shorts().last == "GOAWAY(0) 0")
        #expect(try upstream.pool.idleCount == 0 && upstream.pool.activeCount == 0)
    }

    @Test("a server whose settings shrink while a head waits for the socket does no harm")
    func shrinkingSettings() throws {
        let (upstream, attempt, handlers) = try open(1)
        attempt.setWritable(false)
        let waiting = try upstream.start()
        upstream.loop.run()
        attempt.send { $0.settings([(3, 1)]) }
        attempt.setWritable(true)
        #expect(try attempt.frames().allSatisfy { $0.type != 1 })
        attempt.send { $0.headers(1, Self.ok) }
        #expect(handlers[0].events.last == "end")
        _ = try attempt.frames()
        #expect(attempt.sections[3] == attempt.sections[1])
        attempt.send { $0.headers(3, Self.ok) }
        #expect(waiting.events == ["head 200", "end"])
    }
}
