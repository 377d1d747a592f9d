import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Answers over HTTP/2")
struct HTTP2ResponseTests {
    @Test("an answer has its head, length, date and body, in one write")
    func whole() throws {
        let server = try HTTP2Harness { $0.stream.answer("hello", fields: "X-One:  1 \r\nConnection: close\r\n") }
        server.send {
            $0.headers(1, FrameWriter.request())
            $0.headers(3, FrameWriter.request())
        }
        let piece = try #require(try server.channel.readOutbound(as: ByteBuffer.self))
        #expect(try server.channel.readOutbound(as: ByteBuffer.self) == nil)
        let frames = ReceivedFrame.all(Array(piece.readableBytesView))
        #expect(frames.map(\.description) == ["HEADERS(1)", "HEADERS(3)", "DATA(1) 5 end", "DATA(3) 5 end"])
        #expect(
            server.fields(of: frames[0]) == [
                ":status: 200", "x-one: 1", "content-length: 5", "date: Sun, 06 Nov 1994 08:49:37 GMT",
            ])
        #expect(frames[2].text == "hello")
    }

    /// An answer that has no body for one reason or another.
    struct Bodiless: Sendable {
        let method: String
        let body: ResponseBody
        let status: String
        let fields: [String]
    }

    private static let bodiless: [Bodiless] = [
        Bodiless(method: "HEAD", body: .length(5), status: "200 OK", fields: ["content-length: 5"]),
        Bodiless(method: "GET", body: .none, status: "204 No Content", fields: []),
        Bodiless(method: "GET", body: .length(7), status: "304 Not Modified", fields: ["content-length: 7"]),
        Bodiless(method: "GET", body: .none, status: "200 OK", fields: []),
        Bodiless(method: "HEAD", body: .stream, status: "200 OK", fields: []),
    ]

    @Test("an answer without a body ends with its head", arguments: bodiless)
    func ends(answer: Bodiless) throws {
        let server = try HTTP2Harness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 \(answer.status)\r\n"), body: answer.body)
            handler.stream.writeBody(ByteBuffer(string: "hello"))
            handler.stream.end(trailers: nil)
        }
        server.send { $0.headers(1, FrameWriter.request(method: answer.method)) }
        let frames = try server.frames()
        #expect(frames.map(\.description) == ["HEADERS(1) end"])
        #expect(server.fields(of: frames[0]).filter { $0.hasPrefix("content-length") } == answer.fields)
    }

    @Test("trailers end a streamed answer")
    func trailers() throws {
        let server = try HTTP2Harness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
            handler.stream.writeBody(ByteBuffer(string: "x"))
            handler.stream.end(trailers: ByteBuffer(string: "Grpc-Status: 0\r\ngrpc-message: ok\r\n"))
        }
        server.send { $0.headers(1, FrameWriter.request()) }
        let frames = try server.frames()
        #expect(frames.map(\.description) == ["HEADERS(1)", "DATA(1) 1", "HEADERS(1) end"])
        _ = server.fields(of: frames[0])
        #expect(server.fields(of: frames[2]) == ["grpc-status: 0", "grpc-message: ok"])
    }

    @Test("an interim answer comes before the final one")
    func informational() throws {
        let server = try HTTP2Harness { handler in
            handler.stream.writeInformational(ByteBuffer(string: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
            handler.stream.answer("x")
        }
        server.send { $0.headers(1, FrameWriter.request()) }
        let frames = try server.frames()
        #expect(frames.map(\.description) == ["HEADERS(1)", "HEADERS(1)", "DATA(1) 1 end"])
        #expect(server.fields(of: frames[0]) == [":status: 103", "link: </a>"])
        #expect(server.fields(of: frames[1]).first == ":status: 200")
    }

    @Test("an answer that breaks its own framing resets the stream", arguments: ["ab", "abcd"])
    func framing(body: String) throws {
        let server = try HTTP2Harness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .length(3))
            handler.stream.writeBody(ByteBuffer(string: body))
            handler.stream.end(trailers: nil)
        }
        server.send { $0.headers(1, FrameWriter.request()) }
        #expect(try server.shorts().last == "RST_STREAM(1) 2")
        #expect(server.isOpen)
    }

    @Test("a handler that breaks off resets the stream and hears nothing more")
    func abort() throws {
        let server = try HTTP2Harness { $0.stream.abort() }
        server.send { $0.headers(1, FrameWriter.request()) }
        #expect(try server.shorts() == ["RST_STREAM(1) 2"])
        #expect(server.handler?.events == [])
    }

    @Test(
        "what was written before an answer is cut short goes out, as far as the client's window allows, and then the reset"
    )
    func cutShort() throws {
        let server = try HTTP2Harness(settings: [(4, 6)]) { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
            handler.stream.writeBody(ByteBuffer(string: "ten bytes."))
            handler.stream.breakOffWhenSent()
        }
        server.send { $0.headers(1, FrameWriter.request()) }
        #expect(try server.shorts() == ["HEADERS(1)", "DATA(1) 6"])
        server.send { $0.windowUpdate(1, 100) }
        #expect(try server.shorts() == ["DATA(1) 4", "RST_STREAM(1) 2"])
        #expect(server.handler?.events == [])
        #expect(server.connection.streams.isEmpty && server.isOpen)
    }

    @Test("a client that still sends when its answer is complete may end a small body")
    func early() throws {
        let server = try HTTP2Harness { $0.stream.answer("no") }
        server.send { $0.headers(1, FrameWriter.request(method: "POST"), ends: false) }
        #expect(try server.shorts() == ["HEADERS(1)", "DATA(1) 2 end"])
        server.send { $0.data(1, "late") }
        server.send { $0.data(1, "later", ends: true) }
        #expect(try server.shorts() == [])
        #expect(server.connection.streams.isEmpty)
        #expect(server.isOpen)
    }

    @Test(
        "with a large body, or too slow a one, it is asked to stop, without error",
        arguments: ["announced", "sent", "sent before", "slow", "drain"])
    func earlyLarge(kind: String) throws {
        var limits = ServerLimits()
        limits.maxDrainedBytes = 1000
        let server = try HTTP2Harness(limits: limits)
        let piece = String(repeating: "x", count: 600)
        server.send {
            let fields = kind == "announced" ? [("content-length", "1001")] : []
            $0.headers(1, FrameWriter.request(method: "POST", fields), ends: false)
            if kind == "sent before" { for _ in 0..<2 { $0.data(1, piece) } }
        }
        if kind == "drain" { server.connection.drain() }
        _ = try server.frames()
        server.handler?.stream.answer("no")
        switch kind {
        case "sent":
            server.send { $0.data(1, piece) }
            #expect(try server.shorts() == ["HEADERS(1)", "DATA(1) 2 end"])
            server.send { $0.data(1, piece) }
        case "slow":
            server.send { $0.data(1, piece) }
            server.pass(limits.lingerTimeout + .seconds(1))
        default: break
        }
        #expect(try server.shorts().last == "RST_STREAM(1) 0")
        server.send { $0.data(1, "late", ends: true) }
        #expect(try server.shorts() == [])
        #expect(server.isOpen)
    }

    @Test("an answer goes no further than the client's window, and pauses at its mark")
    func pressure() throws {
        var limits = ServerLimits()
        limits.http2.streamBufferHigh = 10
        limits.http2.streamBufferLow = 4
        let server = try HTTP2Harness(limits: limits, settings: [(4, 6)]) { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
            handler.stream.writeBody(ByteBuffer(string: "0123456789abcdefghi"))
            handler.stream.flush()
        }
        server.send { $0.headers(1, FrameWriter.request()) }
        #expect(try server.shorts() == ["HEADERS(1)", "DATA(1) 6"])
        let handler = try #require(server.handler)
        #expect(!handler.stream.isWritable)
        server.send { $0.windowUpdate(1, 8) }
        #expect(try server.shorts() == ["DATA(1) 8"])
        #expect(handler.events == [])
        server.send { $0.windowUpdate(1, 1) }
        #expect(handler.events == ["writable"])
        #expect(handler.stream.isWritable)
        handler.stream.end(trailers: nil)
        server.send { $0.windowUpdate(1, 100) }
        #expect(try server.frames().map(\.text) == ["e", "fghi"])
    }

    @Test("nothing is gathered while the socket is full")
    func socket() throws {
        let server = try HTTP2Harness { $0.stream.answer("x") }
        server.setWritable(false)
        server.send { $0.headers(1, FrameWriter.request()) }
        #expect(try server.shorts() == [])
        server.setWritable(true)
        #expect(try server.shorts() == ["HEADERS(1)", "DATA(1) 1 end"])
    }

    @Test("answers that become ready together leave in one write")
    func together() throws {
        let server = try HTTP2Harness()
        server.send { writer in
            for id in [1, 3, 5] as [UInt32] { writer.headers(id, FrameWriter.request()) }
        }
        for handler in server.delegate.handlers { handler.stream.answer("x") }
        server.channel.embeddedEventLoop.run()
        var pieces = 0
        while try server.channel.readOutbound(as: ByteBuffer.self) != nil { pieces += 1 }
        #expect(pieces == 1)
    }

    @Test("objects of ended exchanges are used again")
    func reuse() throws {
        let server = try HTTP2Harness()
        var seen: Set<ObjectIdentifier> = []
        server.delegate.script = { handler in
            seen.insert(ObjectIdentifier(handler.stream))
            handler.stream.answer("x")
        }
        for index in 0..<20 { server.send { $0.headers(UInt32(index * 2 + 1), FrameWriter.request()) } }
        #expect(seen.count <= 20)
        #expect(server.connection.streams.isEmpty)
        #expect(try server.frames().count == 40)
    }
}
