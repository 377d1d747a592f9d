import NIOCore
import Testing

@testable import Transport

@Suite("Back-pressure, time and limits of a server connection")
struct ServerPressureTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("input sent ahead is bounded by not reading")
    func readAhead() throws {
        var limits = ServerLimits()
        limits.maxPipelinedBytes = 100
        let server = try ServerHarness(limits: limits)
        server.send(get + get)
        #expect(server.reads)
        server.send(get + get + get)
        #expect(!server.reads)
        for _ in 0..<3 { server.handler?.stream.answer("hi") }
        #expect(server.reads, "what waits is below the limit again")
    }

    @Test("a body that is not accepted is bounded by not reading")
    func gate() throws {
        var limits = ServerLimits()
        limits.maxPipelinedBytes = 10
        let server = try ServerHarness(limits: limits)
        server.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n01234")
        #expect(server.reads)
        server.send("56789")
        #expect(!server.reads)
        server.handler?.stream.acceptBody()
        #expect(server.reads)
        #expect(server.handler?.events == ["body 0123456789", "complete"])
    }

    @Test("a paused body waits, then goes on where it stopped")
    func pause() throws {
        var limits = ServerLimits()
        limits.maxPipelinedBytes = 4
        let server = try ServerHarness(limits: limits) { handler in
            handler.onBody = { stream, _ in stream.pauseBody() }
            handler.stream.acceptBody()
        }
        server.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nab")
        server.send("cd")
        #expect(server.reads)
        server.send("ef")
        #expect(!server.reads)
        #expect(server.handler?.events == ["body ab", "complete"])
        server.handler?.stream.resumeBody()
        #expect(server.reads)
        #expect(server.handler?.events == ["body ab", "complete", "body cdef", "complete"])
    }

    @Test("the next request waits until a slow reader has taken the answers before")
    func slowReader() throws {
        let server = try ServerHarness { $0.stream.answer("hi") }
        server.setWritable(false)
        server.send(get + get)
        #expect(server.delegate.targets == [])
        server.setWritable(true)
        #expect(server.delegate.targets.count == 2)
    }

    @Test("the handler hears when the client keeps up again")
    func writable() throws {
        let server = try ServerHarness()
        server.send(get)
        let stream = try #require(server.handler?.stream)
        stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
        server.setWritable(false)
        #expect(!stream.isWritable)
        #expect(server.handler?.events == [])
        server.setWritable(true)
        #expect(stream.isWritable)
        #expect(server.handler?.events == ["writable"])
    }

    @Test("a head that drips in is cut off with 408, however often a byte comes")
    func slowHead() throws {
        var limits = ServerLimits()
        limits.headerTimeout = .seconds(3)
        let server = try ServerHarness(limits: limits)
        for byte in "GET".utf8 {
            server.send([byte])
            server.pass(.milliseconds(1100))
        }
        #expect(try server.received().hasPrefix("HTTP/1.1 408"))
        #expect(server.delegate.refusals == [.headTimeout])
        #expect(!server.isOpen)
    }

    @Test("an idle connection is closed silently, before and after a request")
    func idle() throws {
        var limits = ServerLimits()
        limits.idleTimeout = .seconds(5)
        let fresh = try ServerHarness(limits: limits)
        fresh.pass(.seconds(5))
        #expect(fresh.isOpen, "never early")
        fresh.pass(.seconds(1))
        #expect(!fresh.isOpen)
        #expect(try fresh.received() == "")
        let used = try ServerHarness(limits: limits) { $0.stream.answer("hi") }
        used.pass(.seconds(4))
        used.send(get)
        used.pass(.seconds(4))
        #expect(used.isOpen, "the time starts again with each request")
        used.pass(.seconds(2))
        #expect(!used.isOpen)
    }

    @Test("an exchange that the handler works on has no deadline here")
    func thinking() throws {
        let server = try ServerHarness()
        server.send(get)
        server.pass(.hours(1))
        #expect(server.isOpen)
        #expect(server.handler?.events == [])
    }

    @Test("a body that stops arriving is given up")
    func bodyStalls() throws {
        var limits = ServerLimits()
        limits.bodyIdleTimeout = .seconds(5)
        let server = try ServerHarness(limits: limits) { $0.stream.acceptBody() }
        server.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nab")
        server.pass(.seconds(4))
        server.send("c")
        server.pass(.seconds(4))
        #expect(server.isOpen)
        server.pass(.seconds(2))
        #expect(!server.isOpen)
        #expect(server.handler?.events.last == "closed bodyTimeout")
    }

    @Test("a client that stops reading is given up")
    func writeStalls() throws {
        var limits = ServerLimits()
        limits.writeTimeout = .seconds(5)
        let server = try ServerHarness(limits: limits)
        server.send(get)
        server.handler?.stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
        server.setWritable(false)
        server.pass(.seconds(6))
        #expect(!server.isOpen)
        #expect(server.handler?.events == ["closed writeTimeout"])
    }

    @Test("one connection too many is answered 503 and closed")
    func tooMany() throws {
        let census = ConnectionCensus(limit: 1)
        let first = try ServerHarness(census: census) { $0.stream.answer("hi") }
        let second = try ServerHarness(census: census) { $0.stream.answer("hi") }
        #expect(try second.received().hasPrefix("HTTP/1.1 503 "))
        #expect(!second.isOpen)
        first.send(get)
        #expect(try first.received().hasSuffix("hi"))
        first.channel.close(promise: nil)
        #expect(census.count == 0)
        let third = try ServerHarness(census: census) { $0.stream.answer("hi") }
        third.send(get)
        #expect(try third.received().hasSuffix("hi"))
    }

    @Test("draining closes idle connections and lets an exchange finish")
    func drain() throws {
        let idle = try ServerHarness { $0.stream.answer("hi") }
        idle.send(get)
        #expect(idle.isOpen)
        _ = idle.loop.drain()
        #expect(!idle.isOpen)
        let busy = try ServerHarness()
        busy.send(get)
        var isOver = false
        busy.loop.drain().assumeIsolated().whenComplete { _ in isOver = true }
        #expect(busy.isOpen)
        busy.handler?.stream.answer("hi")
        #expect(try busy.received().contains("connection: close\r\n"))
        #expect(!busy.isOpen)
        #expect(isOver)
    }

    @Test("a connection that has not asked yet is given a moment for it when draining begins")
    func drainGrace() throws {
        let asks = try ServerHarness { $0.stream.answer("last") }
        let silent = try ServerHarness()
        for server in [asks, silent] {
            _ = server.loop.drain()
            #expect(server.isOpen)
        }
        asks.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try asks.received()
        #expect(answer.contains("connection: close\r\n") && answer.hasSuffix("last"))
        #expect(!asks.isOpen)
        silent.pass(ServerLimits().drainGrace + .seconds(1))
        #expect(!silent.isOpen)
    }

    @Test("what draining leaves over is closed in the end")
    func drainTimeout() throws {
        let server = try ServerHarness()
        server.send(get)
        _ = server.loop.drain()
        server.loop.closeAll()
        #expect(!server.isOpen)
        #expect(server.handler?.events == ["closed drained"])
    }

    @Test("one sweep watches many and forgets those that are gone")
    func sweep() throws {
        final class Watched: Deadlined {
            var passed = 0
            override func deadlinePassed(_ now: NIODeadline) { passed += 1 }
        }
        let server = try ServerHarness()
        let sweep = server.loop.sweep
        let items = (0..<5).map { _ in Watched() }
        for item in items { sweep.add(item) }
        for (index, item) in items.enumerated() { item.deadline = sweep.now + .seconds(Int64(index)) }
        sweep.remove(items[1])
        sweep.sweep(now: sweep.now + .seconds(3))
        #expect(items.map(\.passed) == [1, 0, 1, 1, 0])
        sweep.sweep(now: sweep.now + .seconds(3))
        #expect(items.map(\.passed) == [1, 0, 1, 1, 1])
    }
}
