import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import Transport

private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

@Suite("The upstream pool")
struct UpstreamPoolTests {
    @Test("a connection is used again, and the head leaves in one write")
    func reuse() throws {
        let upstream = UpstreamHarness()
        let first = try upstream.start(target: "/1")
        #expect(try upstream.pool.activeCount == 1)
        let attempt = try upstream.open()
        #expect(try attempt.pieces() == ["M /1 HTTP/1.1\r\nhost: u\r\n\r\n"])
        attempt.send(ok)
        #expect(first.events == ["head 200", "body hi", "end"])
        #expect(try upstream.pool.idleCount == 1)
        #expect(try upstream.pool.activeCount == 0)
        let second = try upstream.start(target: "/2")
        #expect(upstream.attempts.count == 1)
        #expect(try attempt.pieces() == ["M /2 HTTP/1.1\r\nhost: u\r\n\r\n"])
        attempt.send(ok)
        #expect(second.events == ["head 200", "body hi", "end"])
        #expect(first.events.count == 3)
    }

    @Test("the connection used last is used first")
    func lastInFirstOut() throws {
        let upstream = UpstreamHarness()
        for _ in 0..<3 {
            _ = try upstream.start()
            try upstream.open()
        }
        for index in [0, 2, 1] { upstream.attempts[index].send(ok) }
        for attempt in upstream.attempts { _ = try attempt.received() }
        _ = try upstream.start(target: "/next")
        #expect(try upstream.attempts.map { try $0.received().isEmpty } == [true, false, true])
    }

    @Test("a request begun at the end of another gets its connection")
    func startInsideEnd() throws {
        let upstream = UpstreamHarness()
        let first = try upstream.start()
        let attempt = try upstream.open()
        _ = try attempt.received()
        var second: NotingResponse?
        first.onEnd = { second = try? upstream.start(target: "/2") }
        attempt.send(ok)
        #expect(upstream.attempts.count == 1)
        #expect(try attempt.received().hasPrefix("M /2 "))
        attempt.send(ok)
        #expect(second?.events == ["head 200", "body hi", "end"])
    }

    @Test(
        "a connection is not used again after any doubt",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!",
            "HTTP/1.1 204 No Content\r\n\r\nunexpected",
        ])
    func doubt(answer: String) throws {
        let upstream = UpstreamHarness()
        let response = try upstream.start()
        let attempt = try upstream.open()
        attempt.send(answer)
        #expect(response.events.last == "end")
        #expect(!attempt.isOpen)
        #expect(try upstream.pool.idleCount == 0)
        #expect(try upstream.pool.activeCount == 0)
    }

    @Test(
        "the body of an answer to HEAD that comes late is no answer to the next request",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
        ])
    func lateBody(answer: String) throws {
        let upstream = UpstreamHarness()
        let first = try upstream.start(.head)
        let attempt = try upstream.open()
        attempt.send(answer)
        #expect(first.events == ["head 200", "end"])
        let second = try upstream.start(target: "/2")
        attempt.send("late body")
        #expect(upstream.attempts.count == 2)
        let other = try upstream.open()
        other.send(ok)
        #expect(second.events == ["head 200", "body hi", "end"])
    }

    @Test(
        "a connection is used again after HEAD where GET would have no body either",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        ])
    func emptyByItself(answer: String) throws {
        let upstream = UpstreamHarness()
        _ = try upstream.start(.head)
        let attempt = try upstream.open()
        attempt.send(answer)
        #expect(attempt.isOpen)
        #expect(try upstream.pool.idleCount == 1)
    }

    @Test("an idle connection that says or ends anything is gone", arguments: [true, false])
    func stale(speaks: Bool) throws {
        let upstream = UpstreamHarness()
        _ = try upstream.start()
        let attempt = try upstream.open()
        attempt.send(ok)
        if speaks { attempt.send("HTTP/1.1 408 Request Timeout\r\n\r\n") } else { attempt.sendEnd() }
        #expect(!attempt.isOpen)
        #expect(try upstream.pool.idleCount == 0)
        _ = try upstream.start()
        #expect(upstream.attempts.count == 2)
    }

    @Test("an idle connection is closed when its time is over")
    func keepAlive() throws {
        let upstream = UpstreamHarness { $0.keepAliveTimeout = .seconds(30) }
        _ = try upstream.start()
        let attempt = try upstream.open()
        attempt.send(ok)
        try upstream.pass(.seconds(30))
        #expect(attempt.isOpen)
        try upstream.pass(.seconds(1))
        #expect(!attempt.isOpen)
        #expect(try upstream.pool.idleCount == 0)
    }

    @Test("no more connections than the limit; the line is served in order")
    func limit() throws {
        let upstream = UpstreamHarness { $0.maxConnections = 1 }
        let responses = try (1...3).map { try upstream.start(target: "/\($0)") }
        #expect(upstream.attempts.count == 1)
        let attempt = try upstream.open()
        for (index, response) in responses.enumerated() {
            #expect(try attempt.received().hasPrefix("M /\(index + 1) "))
            attempt.send(ok)
            #expect(response.events.last == "end")
        }
        #expect(upstream.attempts.count == 1)
    }

    @Test("a closed connection makes room for the next in line")
    func limitAfterClose() throws {
        let upstream = UpstreamHarness { $0.maxConnections = 1 }
        let first = try upstream.start()
        let second = try upstream.start(target: "/2")
        try upstream.open().sendEnd()
        #expect(first.events == ["failed closed before response"])
        #expect(upstream.attempts.count == 2)
        #expect(try upstream.open().received().hasPrefix("M /2 "))
        #expect(second.events == [])
    }

    @Test("a line that is full turns requests away, later and not inside start")
    func queueFull() throws {
        let upstream = UpstreamHarness {
            $0.maxConnections = 1
            $0.maxQueued = 1
        }
        _ = try upstream.start()
        try upstream.open()
        _ = try upstream.start()
        let third = try upstream.start()
        upstream.loop.run()
        #expect(third.events == ["failed queue full"])
        #expect(try upstream.pool.waitingCount == 1)
    }

    @Test("a request waits no longer than it may")
    func queueTimeout() throws {
        let upstream = UpstreamHarness {
            $0.maxConnections = 1
            $0.queueTimeout = .seconds(5)
        }
        _ = try upstream.start()
        try upstream.open()
        let second = try upstream.start()
        try upstream.pass(.seconds(5))
        #expect(second.events == [])
        try upstream.pass(.seconds(1))
        #expect(second.events == ["failed queue timeout"])
        upstream.attempts[0].send(ok)
        #expect(try upstream.pool.idleCount == 1)
    }

    @Test("a cancelled request does not leave the line with a connection")
    func cancelWaiting() throws {
        let upstream = UpstreamHarness { $0.maxConnections = 1 }
        let first = try upstream.start()
        first.request?.cancel()
        let second = try upstream.start(target: "/2")
        let attempt = try upstream.open()
        #expect(try attempt.received().hasPrefix("M /2 "))
        attempt.send(ok)
        #expect(first.events == [])
        #expect(second.events.last == "end")
    }

    @Test(
        "a failed connect fails one request",
        arguments: [
            (ChannelError.connectTimeout(.seconds(1)) as any Error, "failed connect timeout"),
            (IOError(errnoCode: 111, reason: "connect") as any Error, "failed connect failed"),
        ])
    func connectFails(_ error: any Error, _ event: String) throws {
        let upstream = UpstreamHarness()
        let first = try upstream.start()
        let second = try upstream.start()
        upstream.attempts[0].promise.fail(error)
        #expect(first.events == [event])
        #expect(second.events == [])
        #expect(try upstream.pool.activeCount == 1)
        try upstream.attempts[1].open(upstream.loop)
        upstream.attempts[1].send(ok)
        #expect(second.events.last == "end")
    }

    @Test("a reused connection that dies without a byte is replaced once")
    func retry() throws {
        let upstream = UpstreamHarness()
        _ = try upstream.start()
        try upstream.open().send(ok)
        let second = try upstream.start(target: "/2")
        upstream.attempts[0].sendEnd()
        #expect(second.events == [])
        #expect(upstream.attempts.count == 2)
        let fresh = try upstream.open()
        #expect(try fresh.received() == "M /2 HTTP/1.1\r\nhost: u\r\n\r\n")
        fresh.sendEnd()
        #expect(second.events == ["failed closed before response"])
        #expect(upstream.attempts.count == 2)
    }

    @Test("a retry takes no other idle connection, which may be as dead")
    func retryFresh() throws {
        let upstream = UpstreamHarness()
        _ = try upstream.start()
        _ = try upstream.start()
        try upstream.attempts[0].open(upstream.loop)
        try upstream.attempts[1].open(upstream.loop)
        upstream.attempts[0].send(ok)
        upstream.attempts[1].send(ok)
        let third = try upstream.start(target: "/3")
        upstream.attempts[1].sendEnd()
        #expect(upstream.attempts.count == 3)
        let fresh = try upstream.open()
        fresh.send(ok)
        #expect(third.events == ["head 200", "body hi", "end"])
    }

    @Test("no retry when it is not safe", arguments: ["fresh", "not idempotent", "body", "bytes"])
    func noRetry(why: String) throws {
        let upstream = UpstreamHarness()
        if why != "fresh" {
            _ = try upstream.start()
            try upstream.open().send(ok)
        }
        let response: NotingResponse
        switch why {
        case "not idempotent": response = try upstream.start(.post, isIdempotent: false)
        case "body": response = try upstream.start(.put, body: .length(2))
        default: response = try upstream.start()
        }
        if why == "fresh" { try upstream.open() }
        if why == "bytes" { upstream.attempts[0].send("H") }
        upstream.attempts[0].sendEnd()
        #expect(response.events.last == (why == "bytes" ? "failed broken off" : "failed closed before response"))
        #expect(upstream.attempts.count == 1)
    }

    @Test("a reused connection found dead while the head is sent is replaced without a word inside start")
    func deadInsideStart() throws {
        let upstream = UpstreamHarness()
        _ = try upstream.start()
        let attempt = try upstream.open()
        attempt.send(ok)
        try attempt.channel?.pipeline.syncOperations.addHandler(ClosingOnFlush(), position: .first)
        let second = try upstream.start()
        #expect(upstream.attempts.count == 2)
        try upstream.open().send(ok)
        #expect(second.events == ["head 200", "body hi", "end"])
        let third = try upstream.start()
        _ = third
    }

    @Test("the same death without a safe retry is told after start")
    func deadInsideStartNoRetry() throws {
        let upstream = UpstreamHarness()
        _ = try upstream.start()
        let attempt = try upstream.open()
        attempt.send(ok)
        try attempt.channel?.pipeline.syncOperations.addHandler(ClosingOnFlush(), position: .first)
        let second = try upstream.start(.post, isIdempotent: false)
        upstream.loop.run()
        #expect(second.events == ["failed closed before response"])
    }

    @Test("closing lets the running answer end and nothing else")
    func close() throws {
        let upstream = UpstreamHarness { $0.maxConnections = 2 }
        _ = try upstream.start()
        try upstream.open().send(ok)
        let running = try upstream.start()
        let connecting = try upstream.start()
        let waiting = try upstream.start()
        try upstream.pool.close()
        #expect(waiting.events == ["failed pool closed"])
        #expect(connecting.events == ["failed pool closed"])
        upstream.attempts[0].send(ok)
        #expect(running.events.last == "end")
        #expect(!upstream.attempts[0].isOpen)
        try upstream.open()
        #expect(!upstream.attempts[1].isOpen)
        let late = try upstream.start()
        upstream.loop.run()
        #expect(late.events == ["failed pool closed"])
        #expect(try upstream.pool.activeCount == 0)
    }
}

/// Closes the channel when something is flushed, as a write to a reset connection does.
private final class ClosingOnFlush: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    func flush(context: ChannelHandlerContext) {
        context.close(promise: nil)
    }
}
