import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

/// Answers, cut in read events, and what the handler hears.
private let answers: [(name: String, method: Transport.Method, sent: [String], events: [String])] = [
    ("a length", .get, ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"], ["head 200", "body hi", "end"]),
    (
        "a length in pieces", .get, ["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 2\r\n\r\nh", "i"],
        ["complete", "head 200", "body h", "complete", "body i", "end"]
    ),
    (
        "chunks and trailers", .get,
        ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "0\r\nT: 1\r\nX-Payment: no\r\n\r\n"],
        ["head 200", "body hi", "complete", "end T: 1\r\n"]
    ),
    ("no body by status", .get, ["HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"], ["head 304", "end"]),
    ("no body to HEAD", .head, ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], ["head 200", "end"]),
    (
        "interim answers", .get,
        [
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ],
        ["interim 100", "interim 103", "complete", "head 204", "end"]
    ),
]

/// Answers that are refused, with the error.
private let refused: [(sent: String, error: String)] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "failed malformed response"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "failed malformed response"),
    ("SSH-2.0-OpenSSH_9.2\r\n", "failed malformed response"),
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "failed malformed response"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "failed malformed response"),
    ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 70_000))", "failed response head too large"),
    (String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 33), "failed malformed response"),
]

@Suite("Upstream requests and answers")
struct UpstreamAnswerTests {
    @Test("the handler hears the answer piece by piece", arguments: answers.indices)
    func events(_ index: Int) throws {
        let row = answers[index]
        let upstream = UpstreamHarness()
        let response = try upstream.start(row.method)
        let attempt = try upstream.open()
        for piece in row.sent { attempt.send(piece) }
        #expect(response.events == row.events)
        #expect(try upstream.pool.idleCount == 1)
    }

    @Test("a malformed answer fails and its connection is closed", arguments: refused.indices)
    func malformed(_ index: Int) throws {
        let row = refused[index]
        let upstream = UpstreamHarness()
        let response = try upstream.start()
        let attempt = try upstream.open()
        attempt.send(row.sent)
        #expect(response.events.last == row.error)
        #expect(response.events.filter { $0.hasPrefix("failed") }.count == 1)
        #expect(!attempt.isOpen)
        #expect(try upstream.pool.activeCount == 0)
    }

    @Test("a body that ends with the connection ends with it")
    func untilClose() throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start()
        let attempt = try upstream.open()
        attempt.send("HTTP/1.1 200 OK\r\n\r\nab")
        attempt.send("cd")
        attempt.sendEnd()
        #expect(response.events == ["head 200", "body ab", "complete", "body cd", "complete", "end"])
    }

    @Test(
        "a body cut short has failed",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nContent-Le",
        ])
    func cutShort(answer: String) throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start()
        let attempt = try upstream.open()
        attempt.send(answer)
        attempt.sendEnd()
        #expect(response.events.last == "failed broken off")
    }

    @Test("a reset is no end of a body that ends with the connection")
    func reset() throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start()
        let attempt = try upstream.open()
        attempt.send("HTTP/1.1 200 OK\r\n\r\nab")
        attempt.channel?.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "read"))
        #expect(response.events.last == "failed broken off")
    }

    @Test(
        "a request body goes out framed, gathered with its head",
        arguments: [
            (RequestBody.length(4), "content-length: 4\r\n\r\nabcd"),
            (.stream, "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\nt: 1\r\n\r\n"),
        ])
    func requestBody(_ body: RequestBody, _ sent: String) throws {
        let upstream = UpstreamHarness()
        _ = try upstream.start()
        let attempt = try upstream.open()
        attempt.send("HTTP/1.1 204 No Content\r\n\r\n")
        _ = try attempt.received()
        let response = try upstream.start(.post, body: body)
        let request = try #require(response.request)
        #expect(request.isWritable)
        request.writeBody(ByteBuffer(string: "ab"))
        request.writeBody(ByteBuffer())
        request.writeBody(ByteBuffer(string: "cd"))
        #expect(try attempt.pieces() == [])
        request.end(trailers: ByteBuffer(string: "t: 1\r\n"))
        #expect(try attempt.pieces() == ["M / HTTP/1.1\r\nhost: u\r\n\(sent)"])
        attempt.send("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(response.events == ["head 204", "end"])
        #expect(try upstream.pool.idleCount == 1)
    }

    @Test("body bytes that come before the connection wait for it", arguments: [true, false])
    func earlyBody(isEnded: Bool) throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start(.post, body: .length(4))
        let request = try #require(response.request)
        #expect(!request.isWritable)
        request.writeBody(ByteBuffer(string: "ab"))
        if isEnded {
            request.writeBody(ByteBuffer(string: "cd"))
            request.end(trailers: nil)
        }
        let attempt = try upstream.open()
        #expect(response.events == (isEnded ? [] : ["writable"]))
        if !isEnded {
            request.writeBody(ByteBuffer(string: "cd"))
            request.end(trailers: nil)
        }
        let head = "M / HTTP/1.1\r\nhost: u\r\ncontent-length: 4\r\n\r\n"
        #expect(try attempt.pieces() == (isEnded ? [head + "abcd"] : [head + "ab", "cd"]))
    }

    @Test("more or fewer body bytes than announced fail the request", arguments: ["abc", "a"])
    func wrongLength(body: String) throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start(.post, body: .length(2))
        let attempt = try upstream.open()
        response.request?.writeBody(ByteBuffer(string: body))
        response.request?.end(trailers: nil)
        #expect(response.events.last == "failed broken off")
        #expect(!attempt.isOpen)
    }

    @Test("an answer before the end of the request is delivered and the connection closed")
    func earlyAnswer() throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start(.post, body: .length(4))
        let attempt = try upstream.open()
        response.request?.writeBody(ByteBuffer(string: "ab"))
        response.request?.flush()
        attempt.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        #expect(response.events == ["writable", "head 413", "end"])
        #expect(!attempt.isOpen)
        response.request?.writeBody(ByteBuffer(string: "cd"))
        response.request?.end(trailers: nil)
        #expect(try upstream.pool.activeCount == 0)
    }

    @Test("an upstream that does not answer in time has failed")
    func firstByte() throws {
        let upstream = UpstreamHarness { $0.firstByteTimeout = .seconds(5) }
        let response = try upstream.start()
        let attempt = try upstream.open()
        try upstream.pass(.seconds(5))
        #expect(response.events == [])
        try upstream.pass(.seconds(1))
        #expect(response.events == ["failed first byte timeout"])
        #expect(!attempt.isOpen)
    }

    @Test("an answer that stands still has failed")
    func idle() throws {
        let upstream = UpstreamHarness { $0.bodyIdleTimeout = .seconds(5) }
        let response = try upstream.start()
        let attempt = try upstream.open()
        attempt.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        try upstream.pass(.seconds(4))
        attempt.send("c")
        try upstream.pass(.seconds(4))
        #expect(attempt.isOpen)
        try upstream.pass(.seconds(2))
        #expect(response.events.last == "failed idle timeout")
    }

    @Test("a paused answer does not stand still")
    func pausedIsNotIdle() throws {
        let upstream = UpstreamHarness { $0.bodyIdleTimeout = .seconds(5) }
        let response = try upstream.start()
        let attempt = try upstream.open()
        attempt.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        response.request?.pause()
        try upstream.pass(.hours(1))
        #expect(attempt.isOpen)
        response.request?.resume()
        try upstream.pass(.seconds(6))
        #expect(response.events.last == "failed idle timeout")
    }

    @Test("an upstream that stops taking the request has failed, waiting for the client has not")
    func requestStalls() throws {
        let upstream = UpstreamHarness { $0.bodyIdleTimeout = .seconds(5) }
        let response = try upstream.start(.post, body: .stream)
        let attempt = try upstream.open()
        try upstream.pass(.hours(1))
        #expect(attempt.isOpen)
        attempt.setWritable(false)
        #expect(response.request?.isWritable == false)
        try upstream.pass(.seconds(6))
        #expect(response.events == ["writable", "failed idle timeout"])
    }

    @Test("the handler hears when the upstream takes more again")
    func writable() throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start(.post, body: .stream)
        let attempt = try upstream.open()
        attempt.setWritable(false)
        attempt.setWritable(true)
        #expect(response.events == ["writable", "writable"])
        response.request?.end(trailers: nil)
        attempt.setWritable(false)
        attempt.setWritable(true)
        #expect(response.events == ["writable", "writable"])
    }

    @Test("a pause stops reading at the end of the read event, and a reused connection reads again")
    func pause() throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start()
        let attempt = try upstream.open()
        var readsInside: Bool?
        response.onBody = {
            response.request?.pause()
            readsInside = attempt.reads
        }
        attempt.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        #expect(readsInside == true)
        #expect(!attempt.reads)
        response.request?.resume()
        #expect(attempt.reads)
        response.request?.pause()
        #expect(!attempt.reads)
        attempt.send("cd")
        #expect(response.events.last == "end")
        #expect(attempt.reads)
        #expect(try upstream.pool.idleCount == 1)
    }

    @Test(
        "a cancelled request closes its connection and hears nothing",
        arguments: ["before", "inside head", "inside body"])
    func cancel(when: String) throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start()
        let attempt = try upstream.open()
        response.onHead = { if when == "inside head" { response.request?.cancel() } }
        response.onBody = { response.request?.cancel() }
        if when == "before" { response.request?.cancel() }
        attempt.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        #expect(!attempt.isOpen)
        let events = ["before": [], "inside head": ["head 200"], "inside body": ["head 200", "body ab"]]
        #expect(response.events == events[when])
        #expect(try upstream.pool.activeCount == 0)
    }
}
