import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Requests over HTTP/2")
struct HTTP2RequestTests {
    @Test("a request's head arrives in HTTP/1.1 form, with its framing")
    func form() throws {
        let server = try HTTP2Harness()
        server.send {
            $0.headers(
                1,
                FrameWriter.request(
                    "/a?b=1", method: "POST",
                    [
                        ("x-one", "1"), ("cookie", "a=1"), ("accept", ""), ("cookie", "b=2"), ("content-length", "3"),
                        ("cookie", ""),
                    ]),
                ends: false)
        }
        let head = try #require(server.handler?.stream.head)
        #expect(
            head.string(0..<head.bytes.readableBytes)
                == "POST /a?b=1 HTTP/1.1\r\nhost: a\r\nx-one: 1\r\naccept: \r\ncontent-length: 3\r\ncookie: a=1; b=2\r\n\r\n"
        )
        #expect(head.method == .post)
        #expect(head.string(head.methodRange) == "POST")
        #expect(head.string(head.targetRange) == "/a?b=1")
        #expect(head.host.map { head.string($0) } == "a")
        #expect(head.body == .length(3))
        #expect(head.fields.map { head.string($0.name) } == ["host", "x-one", "accept", "content-length", "cookie"])
        let lines = head.fields.map { head.string($0.line) }.joined()
        #expect(head.string(0..<head.bytes.readableBytes).hasSuffix(lines + "\r\n"))
        #expect(head.has(.cookie) && head.has(.accept) && !head.has(.range))
        #expect(server.handler?.stream.version == .http2)
    }

    @Test("the framing follows content-length and END_STREAM")
    func framing() throws {
        let cases: [(String?, Bool, BodyFraming)] = [
            (nil, true, .none), (nil, false, .chunked), ("0", true, .length(0)), ("7", false, .length(7)),
        ]
        for (length, ends, expected) in cases {
            let server = try HTTP2Harness()
            let fields = length.map { [("content-length", $0)] } ?? []
            server.send { $0.headers(1, FrameWriter.request(method: "POST", fields), ends: ends) }
            #expect(server.handler?.stream.head.body == expected)
        }
    }

    /// A field section with a name or an expected status.
    struct Sent: Sendable, CustomTestStringConvertible {
        let name: String
        let fields: [(String, String)]

        init(_ name: String, _ fields: [(String, String)]) {
            self.name = name
            self.fields = fields
        }

        var testDescription: String { name }
    }

    private static let malformed: [Sent] = [
        Sent("no method", [(":scheme", "http"), (":authority", "a"), (":path", "/")]),
        Sent("no scheme", [(":method", "GET"), (":authority", "a"), (":path", "/")]),
        Sent("no path", [(":method", "GET"), (":scheme", "http"), (":authority", "a")]),
        Sent("no host", [(":method", "GET"), (":scheme", "http"), (":path", "/")]),
        Sent("empty path", FrameWriter.request("")),
        Sent("absolute path", FrameWriter.request("http://a/")),
        Sent("asterisk without OPTIONS", FrameWriter.request("*")),
        Sent("space in the path", FrameWriter.request("/a b")),
        Sent("line feed in the path", FrameWriter.request("/\r\nx: y")),
        Sent("space in the method", FrameWriter.request(method: "GE T")),
        Sent("ftp", [(":method", "GET"), (":scheme", "ftp"), (":authority", "a"), (":path", "/")]),
        Sent("method twice", FrameWriter.request("/", [(":method", "GET")])),
        Sent(
            "pseudo-header after a field",
            [("x", "1"), (":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]),
        Sent("protocol without CONNECT", FrameWriter.request("/", [(":protocol", "websocket")])),
        Sent("pseudo-header of an answer", FrameWriter.request("/", [(":status", "200")])),
        Sent("capital", FrameWriter.request("/", [("X-One", "1")])),
        Sent("colon in a name", FrameWriter.request("/", [("a:b", "1")])),
        Sent("empty name", FrameWriter.request("/", [("", "1")])),
        Sent("space in a name", FrameWriter.request("/", [("a b", "1")])),
        Sent("line feed in a value", FrameWriter.request("/", [("a", "1\nb: 2")])),
        Sent("carriage return in a value", FrameWriter.request("/", [("a", "1\rb")])),
        Sent("NUL in a value", FrameWriter.request("/", [("a", "1\0")])),
        Sent("space before a value", FrameWriter.request("/", [("a", " 1")])),
        Sent("tab after a value", FrameWriter.request("/", [("a", "1\t")])),
        Sent("connection", FrameWriter.request("/", [("connection", "close")])),
        Sent("keep-alive", FrameWriter.request("/", [("keep-alive", "1")])),
        Sent("proxy-connection", FrameWriter.request("/", [("proxy-connection", "x")])),
        Sent("transfer-encoding", FrameWriter.request("/", [("transfer-encoding", "chunked")])),
        Sent("upgrade", FrameWriter.request("/", [("upgrade", "h2c")])),
        Sent("te", FrameWriter.request("/", [("te", "gzip")])),
        Sent("another host", FrameWriter.request("/", [("host", "b")])),
        Sent("host twice", [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a"), ("host", "a")]),
        Sent("content-length twice", FrameWriter.request("/", [("content-length", "0"), ("content-length", "0")])),
        Sent("content-length that is none", FrameWriter.request("/", [("content-length", "+1")])),
        Sent("content-length without a body", FrameWriter.request("/", [("content-length", "1")])),
    ]

    @Test("a malformed request is answered 400 and its stream reset, and the connection goes on", arguments: malformed)
    func refusesMalformed(sent: Sent) throws {
        let server = try HTTP2Harness()
        server.send { $0.headers(1, sent.fields) }
        let frames = try server.frames()
        #expect(frames.map(\.description) == ["HEADERS(1) end", "RST_STREAM(1) 1"])
        #expect(server.fields(of: frames[0]).first == ":status: 400")
        #expect(server.delegate.handlers.isEmpty)
        server.send { $0.headers(3, FrameWriter.request("/next")) }
        #expect(server.delegate.targets == ["/next"])
    }

    private static func long(_ count: Int) -> String { String(repeating: "a", count: count) }
    private static func many(_ count: Int) -> [(String, String)] { (0..<count).map { ("a\($0)", "") } }

    private static let bounded: [Sent] = [
        Sent("414", FrameWriter.request("/" + long(8192))),
        Sent("200", FrameWriter.request("/", [("a", long(16_000))])),
        Sent("431", FrameWriter.request("/", [("a", long(16_400))])),
        Sent("200", FrameWriter.request("/", many(99))),
        Sent("431", FrameWriter.request("/", many(100))),
        Sent("501", [(":method", "CONNECT"), (":authority", "a:1")]),
        Sent("501", FrameWriter.request(method: "CONNECT", [(":protocol", "connect-udp")])),
    ]

    @Test("what is too large or not done is answered so", arguments: bounded)
    func limits(sent: Sent) throws {
        let server = try HTTP2Harness { $0.stream.answer("") }
        let block = FrameWriter.block(sent.fields)
        server.send { $0.frame(1, flags: block.count > 16_384 ? 1 : 5, stream: 1, Array(block.prefix(16_384))) }
        if block.count > 16_384 { server.send { $0.frame(9, flags: 4, stream: 1, Array(block.dropFirst(16_384))) } }
        let frames = try server.frames()
        let answer = try #require(frames.first)
        #expect(server.fields(of: answer).first == ":status: \(sent.name)")
        #expect(frames.last?.endsStream == true)
        #expect(server.isOpen)
    }

    @Test("a body is delivered when it is accepted, and its end with it")
    func body() throws {
        let server = try HTTP2Harness()
        server.send {
            $0.headers(1, FrameWriter.request(method: "POST"), ends: false)
            $0.data(1, "one")
        }
        let handler = try #require(server.handler)
        #expect(handler.events.isEmpty)
        handler.stream.acceptBody()
        #expect(handler.events == ["body one", "complete"])
        server.send { $0.data(1, "two", ends: true) }
        #expect(handler.events == ["body one", "complete", "body two", "end", "complete"])
    }

    @Test("trailers arrive, without fields that must not come late")
    func trailers() throws {
        let server = try HTTP2Harness { $0.stream.acceptBody() }
        server.send {
            $0.headers(1, FrameWriter.request(method: "POST"), ends: false)
            $0.data(1, "x")
            $0.headers(1, [("grpc-status", "0"), ("host", "b"), ("payment-signature", "x")])
        }
        #expect(server.handler?.events == ["body x", "end grpc-status: 0\r\n", "complete"])
    }

    @Test("trailers that break the rules end the exchange", arguments: ["", ":path", "A", "connection"])
    func badTrailers(name: String) throws {
        let server = try HTTP2Harness { $0.stream.acceptBody() }
        server.send {
            $0.headers(1, FrameWriter.request(method: "POST"), ends: false)
            $0.headers(1, [(name.isEmpty ? "x" : name, "1")], ends: !name.isEmpty)
        }
        #expect(try server.shorts().last == "RST_STREAM(1) 1")
        #expect(server.handler?.events.last?.hasPrefix("closed refused") == true)
    }

    @Test("a body that differs from content-length ends the exchange", arguments: ["abcd", "ab"])
    func length(text: String) throws {
        let ends = text.utf8.count < 3
        let server = try HTTP2Harness { $0.stream.acceptBody() }
        server.send {
            $0.headers(1, FrameWriter.request(method: "POST", [("content-length", "3")]), ends: false)
            $0.data(1, text, ends: ends)
        }
        let frames = try server.frames()
        #expect(server.fields(of: frames[0]).first == ":status: 400")
        #expect(frames.last?.description == "RST_STREAM(1) 1")
        #expect(server.handler?.events.last?.hasPrefix("closed refused") == true)
    }

    @Test("a body over the limit is answered 413", arguments: [true, false])
    func tooLarge(announced: Bool) throws {
        var limits = ServerLimits()
        limits.maxBodyBytes = 3
        limits.maxDrainedBytes = 3
        let server = try HTTP2Harness(limits: limits) { $0.stream.acceptBody() }
        server.send {
            let fields = announced ? [("content-length", "4")] : []
            $0.headers(1, FrameWriter.request(method: "POST", fields), ends: false)
            $0.data(1, "abcd")
        }
        let frames = try server.frames()
        #expect(server.fields(of: frames[0]).first == ":status: 413")
        #expect(frames.last?.description == "RST_STREAM(1) 0")
    }

    @Test("a client that waits for it is told to continue")
    func continues() throws {
        let server = try HTTP2Harness { $0.stream.acceptBody() }
        server.send {
            $0.headers(1, FrameWriter.request(method: "POST", [("expect", "100-continue")]), ends: false)
        }
        let frames = try server.frames()
        #expect(frames.map(\.description) == ["HEADERS(1)"])
        #expect(server.fields(of: frames[0]) == [":status: 100"])
    }

    @Test("windows open only as far as the body is taken")
    func windows() throws {
        var limits = ServerLimits()
        limits.http2.streamWindow = 40_000
        let server = try HTTP2Harness(limits: limits)
        let piece = String(repeating: "x", count: 10_000)
        server.send {
            $0.headers(1, FrameWriter.request(method: "POST"), ends: false)
            for _ in 0..<3 { $0.data(1, piece) }
        }
        #expect(try server.shorts() == [])
        server.handler?.stream.acceptBody()
        #expect(try server.shorts() == ["WINDOW_UPDATE(1) 30000"])
        server.handler?.stream.pauseBody()
        server.send { for _ in 0..<3 { $0.data(1, piece) } }
        #expect(try server.shorts() == [])
        server.handler?.stream.resumeBody()
        #expect(try server.shorts() == ["WINDOW_UPDATE(1) 30000"])
    }

    @Test("a client that resets its stream ends the exchange")
    func reset() throws {
        let server = try HTTP2Harness()
        server.send { $0.headers(1, FrameWriter.request()) }
        server.send { $0.reset(1) }
        #expect(server.handler?.events == ["closed peerClosed"])
        server.handler?.stream.answer("late")
        #expect(try server.shorts() == [])
        #expect(server.isOpen)
    }

    @Test("the end of the connection ends all exchanges")
    func gone() throws {
        let server = try HTTP2Harness()
        server.send {
            $0.headers(1, FrameWriter.request())
            $0.headers(3, FrameWriter.request())
        }
        _ = try server.channel.finish()
        #expect(server.delegate.handlers.map(\.events) == [["closed peerClosed"], ["closed peerClosed"]])
        #expect(server.census.count == 0)
        #expect(server.loop.sweep.count == 0)
    }
}
