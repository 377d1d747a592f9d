import NIOCore
import Testing

@testable import Transport

private let date = ServerHarness.date

/// Requests and what their answer looks like on the wire.
private let answers: [(name: String, request: String, status: String, body: ResponseBody, sent: String, isOpen: Bool)] =
    [
        (
            "a length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", .length(2),
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\(date)\r\nhi", true
        ),
        (
            "no body", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found", .none,
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\(date)\r\n", true
        ),
        (
            "unknown length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", .stream,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\(date)\r\n2\r\nhi\r\n0\r\n\r\n", true
        ),
        (
            "HEAD with a length", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", .length(2),
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\(date)\r\n", true
        ),
        (
            "HEAD without", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", .none,
            "HTTP/1.1 200 OK\r\n\(date)\r\n", true
        ),
        (
            "HEAD of a stream", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", .stream,
            "HTTP/1.1 200 OK\r\n\(date)\r\n", true
        ),
        (
            "204", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "204 No Content", .length(2),
            "HTTP/1.1 204 No Content\r\n\(date)\r\n", true
        ),
        (
            "304", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "304 Not Modified", .length(2),
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\(date)\r\n", true
        ),
        (
            "the client closes", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200 OK", .length(2),
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\(date)\r\nhi", false
        ),
        (
            "HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "200 OK", .length(2),
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\(date)\r\nhi", false
        ),
        (
            "HTTP/1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 OK", .length(2),
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\(date)\r\nhi", true
        ),
        (
            "HTTP/1.0 and a stream", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 OK", .stream,
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\(date)\r\nhi", false
        ),
    ]

@Suite("Responses of a server connection")
struct ServerResponseTests {
    @Test("the stream adds the framing that belongs to request and body", arguments: answers.indices)
    func framing(_ index: Int) throws {
        let row = answers[index]
        let server = try ServerHarness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 \(row.status)\r\n"), body: row.body)
            handler.stream.writeBody(ByteBuffer(string: "hi"))
            handler.stream.end(trailers: nil)
        }
        server.send(row.request)
        #expect(try server.pieces() == [row.sent], "one write")
        #expect(server.isOpen == row.isOpen)
    }

    @Test("a Date that is there is not added again", arguments: ["Date: x\r\n", "a: b\r\ndate:x\r\nc: d\r\n"])
    func hasDate(fields: String) throws {
        let server = try ServerHarness { $0.stream.answer("", fields: fields) }
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.received() == "HTTP/1.1 200 OK\r\n\(fields)content-length: 0\r\n\r\n")
    }

    @Test("a caller that knows of its Date is believed")
    func knownDate() throws {
        let server = try ServerHarness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .none, hasDate: true)
            handler.stream.end(trailers: nil)
        }
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.received() == "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    }

    @Test("trailers go out with a chunked body and with no other", arguments: [true, false])
    func trailers(chunked: Bool) throws {
        let server = try ServerHarness { handler in
            let kind: ResponseBody = chunked ? .stream : .length(1)
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\ndate: x\r\n"), body: kind)
            handler.stream.writeBody(ByteBuffer(string: "x"))
            handler.stream.end(trailers: ByteBuffer(string: "a: b\r\n"))
        }
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let expected =
            chunked
            ? "HTTP/1.1 200 OK\r\ndate: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na: b\r\n\r\n"
            : "HTTP/1.1 200 OK\r\ndate: x\r\ncontent-length: 1\r\n\r\nx"
        #expect(try server.received() == expected)
    }

    @Test("an empty piece does not end a chunked body")
    func emptyPiece() throws {
        let server = try ServerHarness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\ndate: x\r\n"), body: .stream)
            handler.stream.writeBody(ByteBuffer())
            handler.stream.writeBody(ByteBuffer(string: String(repeating: "x", count: 26)))
            handler.stream.end(trailers: nil)
        }
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.received().hasSuffix("\r\n\r\n1a\r\n\(String(repeating: "x", count: 26))\r\n0\r\n\r\n"))
    }

    @Test("large pieces are passed on uncopied and in order")
    func largePieces() throws {
        let large = String(repeating: "L", count: OutputGather.smallPiece + 1)
        let server = try ServerHarness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\ndate: x\r\n"), body: .stream)
            handler.stream.writeBody(ByteBuffer(string: large))
            handler.stream.writeBody(ByteBuffer(string: "tail"))
            handler.stream.end(trailers: nil)
        }
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let pieces = try server.pieces()
        #expect(pieces.count == 3)
        #expect(pieces[1] == large)
        #expect(pieces[2] == "\r\n4\r\ntail\r\n0\r\n\r\n")
    }

    @Test("a body longer or shorter than announced breaks the connection", arguments: ["abc", "a"])
    func wrongLength(body: String) throws {
        let server = try ServerHarness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .length(2))
            handler.stream.writeBody(ByteBuffer(string: body))
            handler.stream.end(trailers: nil)
        }
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(!server.isOpen)
        #expect(server.delegate.targets == ["/"])
    }

    @Test("interim answers go out at once, and not to HTTP/1.0", arguments: ["1.0", "1.1"])
    func informational(version: String) throws {
        let server = try ServerHarness { handler in
            handler.stream.writeInformational(ByteBuffer(string: "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"))
        }
        server.send("GET / HTTP/\(version)\r\nHost: a\r\n\r\n")
        let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
        #expect(try server.received() == (version == "1.1" ? interim : ""))
        server.handler?.stream.answer("hi")
        #expect(try server.received().hasPrefix("HTTP/1.1 200 OK\r\n"))
        server.handler?.stream.writeInformational(ByteBuffer(string: interim))
        #expect(try server.received() == "")
    }

    @Test("the handler can have the connection closed")
    func closes() throws {
        let server = try ServerHarness { handler in
            handler.stream.closesAfterResponse = true
            handler.stream.answer("hi")
        }
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.received().contains("connection: close\r\n"))
        #expect(!server.isOpen)
    }

    @Test("nothing is sent before the flush, then everything in one write")
    func flush() throws {
        let server = try ServerHarness()
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let stream = try #require(server.handler?.stream)
        stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\ndate: x\r\n"), body: .length(4))
        stream.writeBody(ByteBuffer(string: "ab"))
        #expect(try server.pieces() == [])
        stream.flush()
        #expect(try server.pieces() == ["HTTP/1.1 200 OK\r\ndate: x\r\ncontent-length: 4\r\n\r\nab"])
        stream.writeBody(ByteBuffer(string: "cd"))
        stream.end(trailers: nil)
        #expect(try server.pieces() == ["cd"])
    }

    @Test("what is told to a stream after its end does not touch the next exchange")
    func lateCalls() throws {
        let server = try ServerHarness { handler in
            if handler.stream.head.string(handler.stream.head.targetRange) == "/1" { handler.stream.answer("one") }
        }
        server.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        let first = server.delegate.handlers[0].stream
        let second = server.delegate.handlers[1].stream
        #expect(first !== second)
        _ = try server.received()
        first.answer("late")
        first.abort()
        #expect(try server.received() == "")
        second.answer("two")
        #expect(try server.received().hasSuffix("two"))
        #expect(server.isOpen)
    }

    @Test("what was written before an answer is cut short goes out, and then the connection ends")
    func cutShort() throws {
        let server = try ServerHarness { handler in
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
            handler.stream.writeBody(ByteBuffer(string: "some"))
            handler.stream.breakOffWhenSent()
        }
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.received().hasSuffix("\r\n\r\n4\r\nsome\r\n"))
        #expect(!server.isOpen)
        #expect(server.handler?.events == [])
    }

    @Test("an abort closes without an answer and without a further event")
    func abort() throws {
        let server = try ServerHarness()
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.handler?.stream.abort()
        #expect(!server.isOpen)
        #expect(try server.received() == "")
        #expect(server.handler?.events == [])
    }

    @Test(
        "the date line is that of the clock",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ])
    func dates(seconds: Int64, text: String) {
        var date = HTTPDate()
        date.render(seconds)
        #expect(String(buffer: date.line) == "date: \(text)\r\n")
    }

    @Test(
        "numbers are written in decimal and sizes in hex",
        arguments: [
            0, 1, 9, 10, 15, 16, 255, 256, 4095, 65_536, 1_000_000, Int.max,
        ])
    func numbers(number: Int) {
        var buffer = ByteBuffer()
        buffer.writeLines { $0.write(UInt64(number)) }
        #expect(String(buffer: buffer) == String(number))
        buffer.clear()
        buffer.writeChunkSize(number)
        #expect(String(buffer: buffer) == String(number, radix: 16) + "\r\n")
    }
}
