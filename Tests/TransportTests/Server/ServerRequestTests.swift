import NIOCore
import Testing

@testable import Transport

private func target(_ handler: NotingHandler) -> String {
    handler.stream.head.string(handler.stream.head.targetRange)
}

@Suite("Requests of a server connection")
struct ServerRequestTests {
    @Test("requests sent ahead are answered one after the other, in order")
    func pipelining() throws {
        let server = try ServerHarness()
        server.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxyGET /3 HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        #expect(server.delegate.targets == ["/1"])
        server.delegate.handlers[0].stream.answer("one")
        #expect(server.delegate.targets == ["/1", "/2"])
        server.delegate.handlers[1].stream.acceptBody()
        #expect(server.delegate.handlers[1].events == ["body xy", "end", "complete"])
        server.delegate.handlers[1].stream.answer("two")
        #expect(server.delegate.targets == ["/1", "/2", "/3"])
        server.delegate.handlers[2].stream.answer("three")
        let answers = [("3", "one"), ("3", "two"), ("5", "three")].map { length, body in
            "HTTP/1.1 200 OK\r\ncontent-length: \(length)\r\n\(ServerHarness.date)\r\n\(body)"
        }
        #expect(try server.received() == answers.joined())
        #expect(try server.received() == "")
    }

    @Test("answers given at once to requests sent ahead leave in one write")
    func gathered() throws {
        let server = try ServerHarness { $0.stream.answer(target($0)) }
        server.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        let pieces = try server.pieces()
        #expect(pieces.count == 1)
        #expect(server.delegate.targets == ["/1", "/2", "/3"])
        let order = pieces.joined().split(separator: "\r\n\r\n").dropFirst().map { $0.prefix(2) }
        #expect(order == ["/1", "/2", "/3"])
    }

    @Test("a request that arrives byte by byte is one request", arguments: [true, false])
    func byteByByte(chunked: Bool) throws {
        let server = try ServerHarness { handler in
            handler.onEnd = { $0.answer("done") }
            handler.stream.acceptBody()
        }
        let framing =
            chunked ? "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n" : "Content-Length: 3\r\n\r\nabc"
        for byte in "POST / HTTP/1.1\r\nHost: a\r\n\(framing)".utf8 { server.send([byte]) }
        let events = try #require(server.handler?.events.filter { $0 != "complete" })
        #expect(events == ["body a", "body b", "body c", chunked ? "end T: 1\r\n" : "end"])
        #expect(try server.received().hasSuffix("done"))
        #expect(server.isOpen)
    }

    @Test("no byte of a body is delivered before it is accepted")
    func gate() throws {
        let server = try ServerHarness()
        server.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        server.send("cd")
        #expect(server.handler?.events == [])
        server.handler?.stream.acceptBody()
        #expect(server.handler?.events == ["body abcd", "end", "complete"])
    }

    @Test("an empty body ends once, and only after it is accepted", arguments: ["", "Content-Length: 0\r\n"])
    func emptyBody(framing: String) throws {
        let server = try ServerHarness()
        server.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n")
        #expect(server.handler?.events == [])
        server.handler?.stream.acceptBody()
        server.handler?.stream.acceptBody()
        #expect(server.handler?.events == ["end"])
        server.handler?.stream.answer("hi")
        #expect(server.isOpen)
    }

    @Test("acceptance inside begin delivers after it")
    func acceptInBegin() throws {
        var eventsInBegin: [String]?
        let server = try ServerHarness { handler in
            handler.stream.acceptBody()
            eventsInBegin = handler.events
        }
        server.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
        #expect(eventsInBegin == [])
        #expect(server.handler?.events == ["body ab", "end", "complete"])
    }

    @Test("100 Continue is sent when the body is accepted, and not once it arrives")
    func expectContinue() throws {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        let waiting = try ServerHarness()
        waiting.send(head)
        #expect(try waiting.received() == "")
        waiting.handler?.stream.acceptBody()
        #expect(try waiting.received() == "HTTP/1.1 100 Continue\r\n\r\n")
        waiting.send("ab")
        #expect(waiting.handler?.events == ["body ab", "end", "complete"])
        let eager = try ServerHarness()
        eager.send(head + "a")
        eager.handler?.stream.acceptBody()
        #expect(try eager.received() == "")
    }

    @Test("an answer instead of 100 Continue closes, since the body may follow or not")
    func refusesExpectation() throws {
        let server = try ServerHarness { $0.stream.answer("no", status: "402 Payment Required") }
        server.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(try server.received().contains("\r\nconnection: close\r\n"))
        #expect(!server.isOpen)
    }

    @Test("a small body that nobody wanted is dropped and the connection kept")
    func dropsRest() throws {
        let server = try ServerHarness { if target($0) == "/1" { $0.stream.answer("no") } }
        server.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        #expect(try server.received().contains("connection") == false)
        server.send("cdGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(server.delegate.targets == ["/1", "/2"])
        #expect(server.delegate.handlers[0].events == [])
    }

    @Test("a large body that nobody wanted closes the connection", arguments: [true, false])
    func closesOnRest(chunked: Bool) throws {
        var limits = ServerLimits()
        limits.maxDrainedBytes = 8
        let server = try ServerHarness(limits: limits) { $0.stream.answer("no") }
        let framing = chunked ? "Transfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n" : "Content-Length: 9\r\n\r\n"
        server.send("POST /1 HTTP/1.1\r\nHost: a\r\n\(framing)")
        let sent = try server.received()
        #expect(sent.hasSuffix("no"))
        #expect(sent.contains("connection: close") == !chunked, "of a chunked body the size is not known beforehand")
        #expect(!server.isOpen)
    }

    @Test("a request refused gets one answer, and the connection no further request")
    func refusal() throws {
        let server = try ServerHarness { $0.stream.answer("hi") }
        server.send("GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try server.received() == "HTTP/1.1 400 Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        #expect(server.delegate.targets == [])
        #expect(server.delegate.refusals == [.malformed("host missing")])
        #expect(!server.isOpen)
        server.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(server.delegate.targets == [])
    }

    @Test("a refusal after good requests comes after their answers")
    func refusalInOrder() throws {
        let server = try ServerHarness()
        server.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2\r\n\r\n")
        #expect(server.delegate.refusals == [])
        server.handler?.stream.answer("one")
        #expect(
            try server.received().hasSuffix("oneHTTP/1.1 400 Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        )
    }

    @Test("a broken chunk ends the exchange with 400 if no answer has begun", arguments: [true, false])
    func brokenChunk(hasAnswer: Bool) throws {
        let server = try ServerHarness { handler in
            handler.stream.acceptBody()
            guard hasAnswer else { return }
            handler.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\ndate: x\r\n"), body: .stream)
        }
        server.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab")
        #expect(
            server.handler?.events == [
                "body a", "closed refused(Transport.HeadRefusal.malformed(\"chunk longer than its size\"))",
            ])
        #expect(!server.isOpen)
        #expect(try server.received().contains("400 Refused") == !hasAnswer)
    }

    @Test("a body over the limit is refused with 413", arguments: [true, false])
    func bodyLimit(chunked: Bool) throws {
        var limits = ServerLimits()
        limits.maxBodyBytes = 3
        let server = try ServerHarness(limits: limits) { $0.stream.acceptBody() }
        let framing = chunked ? "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n" : "Content-Length: 4\r\n\r\nabcd"
        server.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)")
        #expect(server.delegate.refusals == [.bodyTooLarge])
        #expect(try server.received().hasPrefix("HTTP/1.1 413"))
        #expect(!server.isOpen)
        let exact = try ServerHarness(limits: limits) { $0.stream.acceptBody() }
        exact.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        #expect(exact.handler?.events == ["body abc", "end", "complete"])
    }

    @Test("a client that ends its half still gets its answer")
    func halfClose() throws {
        let server = try ServerHarness()
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.sendEnd()
        #expect(server.isOpen)
        server.handler?.stream.answer("hi")
        #expect(try server.received().hasSuffix("hi"))
        #expect(!server.isOpen)
    }

    @Test("requests sent ahead of the half-close are all answered")
    func halfClosePipelined() throws {
        let server = try ServerHarness()
        server.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        server.sendEnd()
        server.handler?.stream.answer("one")
        #expect(server.delegate.targets == ["/1", "/2"])
        server.handler?.stream.answer("two")
        #expect(try server.received().hasSuffix("two"))
        #expect(!server.isOpen)
    }

    @Test(
        "a half-close in the middle of a head or a body ends the connection",
        arguments: [
            ("", []), ("GET / HT", []),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
                ["body ab", "complete", "closed peerClosed"]
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                ["body ab", "complete", "closed peerClosed"]
            ),
        ])
    func truncated(_ text: String, _ events: [String]) throws {
        let server = try ServerHarness { $0.stream.acceptBody() }
        if !text.isEmpty { server.send(text) }
        server.sendEnd()
        #expect(!server.isOpen)
        #expect((server.handler?.events ?? []) == events)
    }

    @Test("a connection lost under an exchange is told once")
    func lost() throws {
        let server = try ServerHarness()
        server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.channel.close(promise: nil)
        #expect(server.handler?.events == ["closed peerClosed"])
        server.handler?.stream.answer("late")
        #expect(try server.received() == "")
    }
}
