import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

private typealias Fields = [(String, String)]

@Suite("Answers of an upstream over HTTP/2")
struct UpstreamHTTP2AnswerTests {
    private func open(
        _ method: Transport.Method = .get, body: RequestBody = .none,
        _ change: (inout UpstreamConfiguration) -> Void = { _ in }
    ) throws -> (UpstreamHarness, UpstreamHarness.Attempt, NotingResponse) {
        let upstream = try UpstreamHarness.http2(.http2, isSecure: false, change)
        let handler = try upstream.start(method, body: body)
        let attempt = try upstream.openHTTP2()
        _ = try attempt.frames()
        return (upstream, attempt, handler)
    }

    @Test("a head arrives in HTTP/1.1 form, and its body piece by piece")
    func head() throws {
        let (_, attempt, handler) = try open()
        attempt.send {
            $0.headers(1, [(":status", "200"), ("x-one", "1"), ("set-cookie", "a"), ("set-cookie", "b")], ends: false)
            $0.data(1, "he")
        }
        #expect(handler.head == "HTTP/1.1 200 \r\nx-one: 1\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n")
        #expect(handler.events == ["head 200", "body he", "complete"])
        attempt.send { $0.data(1, "llo", ends: true) }
        #expect(handler.events.dropFirst(3) == ["body llo", "end"])
    }

    @Test("interim answers come before the final one, and trailers behind its body")
    func interim() throws {
        let (_, attempt, handler) = try open()
        attempt.send {
            $0.headers(1, [(":status", "103"), ("link", "</x>")], ends: false)
            $0.headers(1, [(":status", "200")], ends: false)
            $0.data(1, "x")
            $0.headers(1, [("grpc-status", "0"), ("content-length", "7")])
        }
        #expect(handler.events == ["interim 103", "head 200", "body x", "end grpc-status: 0\r\n"])
    }

    private static let framings: [(Transport.Method, Fields, Bool, BodyFraming)] = [
        (.get, [(":status", "200")], true, .none), (.get, [(":status", "200")], false, .chunked),
        (.get, [(":status", "200"), ("content-length", "3")], false, .length(3)),
        (.get, [(":status", "200"), ("content-length", "0")], true, .length(0)),
        (.head, [(":status", "200"), ("content-length", "3")], true, .none),
        (.head, [(":status", "200")], false, .none), (.get, [(":status", "204")], true, .none),
        (.get, [(":status", "304"), ("content-length", "3")], true, .none),
    ]

    @Test("the framing follows method, status, content-length and END_STREAM", arguments: framings.indices)
    func framingOf(index: Int) throws {
        let (method, fields, ends, expected) = Self.framings[index]
        var reader = HTTP2ResponseReader(limits: HeadLimits())
        var head = ResponseHead()
        Self.read(fields, &reader, &head)
        reader.finish(&head, method: method, endsStream: ends)
        #expect(reader.refusal == nil)
        #expect(head.body == expected)
        let (_, attempt, handler) = try open(method)
        attempt.send {
            $0.headers(1, fields, ends: ends)
            if !ends { $0.data(1, expected == .none ? "" : "abc", ends: true) }
        }
        #expect(handler.events.last == "end")
    }

    private static func read(_ fields: Fields, _ reader: inout HTTP2ResponseReader, _ head: inout ResponseHead) {
        reader.start(&head)
        for (name, value) in fields {
            Array(name.utf8).withUnsafeBufferPointer { name in
                Array(value.utf8).withUnsafeBufferPointer { reader.field(name, $0, &head) }
            }
        }
    }

    private static let malformed: [(Fields, ends: Bool)] = [
        ([], true), ([("x", "1")], true), ([("x", "1"), (":status", "200")], true),
        ([(":status", "200"), (":status", "200")], true), ([(":status", "200"), ("x", "1"), (":status", "200")], true),
        ([(":status", "20")], true), ([(":status", "2000")], true), ([(":status", "2 0")], true),
        ([(":status", "099")], true), ([(":status", "101")], false), ([(":status", "100")], true),
        ([(":status", "200"), (":path", "/")], true), ([(":method", "GET"), (":status", "200")], true),
        ([(":status", "200"), ("X-Capital", "1")], true), ([(":status", "200"), ("", "1")], true),
        ([(":status", "200"), ("a b", "1")], true), ([(":status", "200"), ("a", "1\r\nb: 2")], true),
        ([(":status", "200"), ("a", " 1")], true), ([(":status", "200"), ("a", "\u{0}")], true),
        ([(":status", "200"), ("connection", "close")], true), ([(":status", "200"), ("te", "trailers")], true),
        ([(":status", "200"), ("transfer-encoding", "chunked")], false),
        ([(":status", "200"), ("upgrade", "h2c")], true), ([(":status", "200"), ("keep-alive", "1")], true),
        ([(":status", "200"), ("proxy-connection", "x")], true),
        ([(":status", "200"), ("content-length", "1"), ("content-length", "1")], false),
        ([(":status", "200"), ("content-length", "+1")], false), ([(":status", "200"), ("content-length", "3")], true),
    ]

    @Test("a malformed answer fails its request alone", arguments: malformed.indices)
    func malformedHead(index: Int) throws {
        let (upstream, attempt, handler) = try open()
        let other = try upstream.start()
        _ = try attempt.frames()
        attempt.send { $0.headers(1, Self.malformed[index].0, ends: Self.malformed[index].ends) }
        #expect(handler.events == ["failed malformed response"])
        #expect(try attempt.shorts().contains("RST_STREAM(1) 1") || Self.malformed[index].ends)
        attempt.send { $0.headers(3, [(":status", "200")]) }
        #expect(other.events == ["head 200", "end"])
    }

    @Test(
        "a body that breaks the rules fails its request",
        arguments: ["long", "short", "none", "early", "trailers", "trailers open", "trailers pseudo", "interim"])
    func wrongBody(kind: String) throws {
        let (_, attempt, handler) = try open(kind == "none" ? .head : .get)
        attempt.send { writer in
            if kind == "early" { return writer.data(1, "x") }
            if kind == "interim" {
                for _ in 0...UpstreamConnection.maxInterimAnswers {
                    writer.headers(1, [(":status", "102")], ends: false)
                }
                return
            }
            writer.headers(1, [(":status", "200"), ("content-length", "3")], ends: false)
            switch kind {
            case "long": writer.data(1, "abcd")
            case "short": writer.data(1, "ab", ends: true)
            case "none": writer.data(1, "abc", ends: true)
            case "trailers": writer.headers(1, [("connection", "x")])
            case "trailers open": writer.headers(1, [("x", "1")], ends: false)
            default: writer.headers(1, [(":status", "200")])
            }
        }
        #expect(handler.events.last == "failed malformed response")
        // nghttp2 takes a body that comes first for a breach of the connection's rules, as it may (RFC 9113 §5.4.2).
        #expect(attempt.isOpen == (kind != "early"))
    }

    @Test("a head over its limits fails the request, and one far over them the connection")
    func largeHead() throws {
        let (_, attempt, handler) = try open { $0.head = HeadLimits(maxHeadBytes: 1000, maxFields: 10) }
        attempt.send { $0.headers(1, [(":status", "200"), ("x", String(repeating: "y", count: 1000))]) }
        #expect(handler.events == ["failed response head too large"])
        #expect(attempt.isOpen)
        let (_, many, second) = try open { $0.head = HeadLimits(maxHeadBytes: 1000, maxFields: 10) }
        many.send { $0.headers(1, [(":status", "200")] + (0..<11).map { ("x", "\($0)") }) }
        #expect(second.events == ["failed response head too large"])
        let (_, far, third) = try open { $0.head = HeadLimits(maxHeadBytes: 1000, maxFields: 10) }
        far.send { $0.headers(1, [(":status", "200"), ("x", String(repeating: "y", count: 5000))], ends: false) }
        #expect(third.events.last?.hasPrefix("failed") == true)
        #expect(!far.isOpen)
    }

    @Test("a client that does not read shuts its own window and no other")
    func backPressure() throws {
        let (upstream, attempt, slow) = try open { $0.http2.streamWindow = 70_000 }
        let quick = try upstream.start()
        _ = try attempt.frames()
        slow.request?.pause()
        let piece = String(repeating: "x", count: 16_000)
        for _ in 0..<4 {
            attempt.send {
                if slow.events.isEmpty { $0.headers(1, [(":status", "200")], ends: false) }
                $0.data(1, piece)
            }
        }
        #expect(slow.events == ["head 200", "complete"])
        let updates = try attempt.shorts()
        #expect(!updates.contains { $0.hasPrefix("WINDOW_UPDATE(1)") })
        attempt.send {
            $0.headers(3, [(":status", "200")], ends: false)
            for _ in 0..<4 { $0.data(3, piece) }
        }
        #expect(quick.events.filter { $0.hasPrefix("body") }.count == 4)
        #expect(try attempt.shorts().contains { $0.hasPrefix("WINDOW_UPDATE(3)") })
        slow.request?.resume()
        #expect(slow.events.count == 2, "nothing is told inside resume")
        let after = try attempt.shorts()
        #expect(after.contains { $0.hasPrefix("WINDOW_UPDATE(1)") })
        #expect(slow.events.dropFirst(2).map { $0.count } == [5 + 64_000, 8])
    }

    @Test("a whole answer waits for its client, also when the connection is gone")
    func answerOutlivesConnection() throws {
        let (upstream, attempt, handler) = try open()
        handler.request?.pause()
        attempt.send {
            $0.headers(1, [(":status", "200")], ends: false)
            $0.data(1, "all of it", ends: true)
        }
        #expect(handler.events == ["head 200", "complete"])
        #expect(try upstream.pool.idleCount == 0)
        attempt.sendEnd()
        #expect(handler.events.count == 2)
        handler.request?.resume()
        upstream.loop.run()
        #expect(handler.events.dropFirst(2) == ["body all of it", "end"])
        #expect(try upstream.pool.activeCount == 0)
    }

    @Test("an answer that is over before its request has the rest of it stopped")
    func earlyAnswer() throws {
        let (upstream, attempt, handler) = try open(.post, body: .stream)
        attempt.send {
            $0.headers(1, [(":status", "200")])
            $0.reset(1, code: 0)
        }
        #expect(handler.events.suffix(2) == ["head 200", "end"])
        handler.request?.writeBody(ByteBuffer(string: "nobody reads this"))
        #expect(try upstream.pool.idleCount == 1)
        let next = try upstream.start(.post, body: .stream)
        _ = try attempt.frames()
        attempt.send { $0.headers(3, [(":status", "200")]) }
        #expect(next.events.suffix(2) == ["head 200", "end"])
        #expect(try attempt.shorts().contains("RST_STREAM(3) 8"))
    }

    @Test("a stream that the server resets ends its exchange", arguments: [true, false])
    func reset(hasBegun: Bool) throws {
        let (upstream, attempt, handler) = try open()
        attempt.send {
            if hasBegun { $0.headers(1, [(":status", "200")], ends: false) }
            $0.reset(1, code: 2)
        }
        #expect(handler.events.last == (hasBegun ? "failed broken off" : "failed closed before response"))
        #expect(try upstream.pool.idleCount == 1)
    }
}
