import NIOCore
import Testing

@testable import Transport

@Suite("An upstream's connection after a 101")
struct UpstreamTunnelTests {
    private let switched = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"

    private func start(_ upstream: UpstreamHarness) throws -> (UpstreamHarness.Attempt, NotingResponse) {
        let handler = try upstream.start(mayUpgrade: true)
        let attempt = try upstream.open()
        _ = try attempt.received()
        return (attempt, handler)
    }

    @Test("bytes go both ways, whatever they look like")
    func bytes() throws {
        let upstream = UpstreamHarness()
        let (attempt, handler) = try start(upstream)
        attempt.send(switched + "early")
        attempt.send("HTTP/1.1 200 OK\r\n")
        #expect(
            handler.events == [
                "switched 101", "body early", "complete", "body HTTP/1.1 200 OK\r\n", "complete",
            ])
        handler.request?.writeBody(ByteBuffer(string: "over"))
        handler.request?.flush()
        #expect(try attempt.received() == "over")
    }

    @Test("it is never used for another request")
    func notReused() throws {
        let upstream = UpstreamHarness()
        let (attempt, handler) = try start(upstream)
        attempt.send(switched)
        let pool = try upstream.pool
        #expect(pool.activeCount == 1 && pool.idleCount == 0)
        handler.request?.end(trailers: nil)
        attempt.sendInputEnd()
        #expect(handler.events == ["switched 101", "complete", "end"])
        #expect(!attempt.isOpen)
        #expect(pool.activeCount == 0 && pool.idleCount == 0)
    }

    @Test("each direction ends by itself, the upstream's first")
    func upstreamEnds() throws {
        let upstream = UpstreamHarness()
        let (attempt, handler) = try start(upstream)
        attempt.send(switched)
        attempt.sendInputEnd()
        #expect(handler.events.last == "end")
        #expect(attempt.isOpen)
        handler.request?.writeBody(ByteBuffer(string: "still"))
        handler.request?.end(trailers: nil)
        #expect(try attempt.received() == "still")
        #expect(!attempt.isOpen)
        #expect(handler.events.last == "end")
    }

    @Test("a connection that is lost is told, also after the upstream's end")
    func lost() throws {
        let upstream = UpstreamHarness()
        let (attempt, handler) = try start(upstream)
        attempt.send(switched)
        attempt.sendInputEnd()
        attempt.sendEnd()
        #expect(handler.events.suffix(2) == ["end", "failed broken off"])
    }

    @Test("a 101 counts only where it was asked for, and in HTTP/1.1")
    func unasked() throws {
        let upstream = UpstreamHarness()
        let plain = try upstream.start()
        try upstream.open().send(switched)
        #expect(plain.events == ["failed malformed response"])
        let old = try upstream.start(mayUpgrade: true)
        try upstream.open().send(switched.replacing("HTTP/1.1", with: "HTTP/1.0"))
        #expect(old.events == ["failed malformed response"])
    }

    @Test("another answer than 101 is an answer, and the connection goes on")
    func refused() throws {
        let upstream = UpstreamHarness()
        let (attempt, handler) = try start(upstream)
        attempt.send("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno")
        #expect(handler.events == ["head 426", "body no", "end"])
        #expect(try upstream.pool.idleCount == 1)
    }

    @Test("silence is not timed here, bytes that are not taken are")
    func time() throws {
        let upstream = UpstreamHarness()
        let (attempt, handler) = try start(upstream)
        attempt.send(switched)
        try upstream.pass(.hours(2))
        #expect(attempt.isOpen)
        attempt.setWritable(false)
        try upstream.pass(.minutes(2))
        #expect(handler.events.last == "failed idle timeout")
    }

    @Test("what comes is held back while the handler is paused")
    func pause() throws {
        let upstream = UpstreamHarness()
        let (attempt, handler) = try start(upstream)
        handler.onSwitch = { handler.request?.pause() }
        attempt.send(switched)
        #expect(!attempt.reads)
        handler.request?.resume()
        #expect(attempt.reads)
    }
}
