import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Defences of an HTTP/2 connection")
struct HTTP2DefenceTests {
    private static let calm = 11

    @Test(
        "frames that carry nothing are limited",
        arguments: ["ping", "settings", "reset", "window", "priority", "data", "unknown"])
    func floods(kind: String) throws {
        var limits = ServerLimits()
        limits.http2.maxControlFrames = 50
        limits.http2.maxResets = 1000
        let server = try HTTP2Harness(limits: limits) { $0.stream.acceptBody() }
        server.send { $0.headers(1, FrameWriter.request(method: "POST"), ends: false) }
        var count = 0
        while server.isOpen, count < 200 {
            count += 1
            server.send { writer in
                switch kind {
                case "ping": writer.ping()
                case "settings": writer.settings()
                case "reset": writer.reset(1)
                case "window": writer.windowUpdate(0, 1)
                case "priority": writer.frame(2, stream: 1, [0, 0, 0, 0, 7])
                case "data": writer.data(1, "")
                default: writer.frame(0x77)
                }
            }
            if try server.shorts().contains("GOAWAY(1) \(Self.calm)") { break }
        }
        #expect((40...51).contains(count))
        #expect(server.connection.phase == .lingering || !server.isOpen)
        #expect(server.handler?.events.last == "closed peerClosed")
    }

    @Test("requests that are reset at once are limited, whatever time they take")
    func rapidReset() throws {
        var limits = ServerLimits()
        limits.http2.maxResets = 20
        let server = try HTTP2Harness(limits: limits)
        var id: UInt32 = 1
        func resetOne() throws -> Bool {
            server.send {
                $0.headers(id, FrameWriter.request())
                $0.reset(id)
            }
            id += 2
            return try server.shorts().contains { $0.hasPrefix("GOAWAY") && $0.hasSuffix(" \(Self.calm)") }
        }
        for _ in 0..<20 { #expect(try !resetOne()) }
        server.pass(.seconds(1))
        for _ in 0..<5 { #expect(try !resetOne()) }
        #expect(try resetOne())
        #expect(server.delegate.handlers.count == 26)
    }

    @Test("exchanges that are wound up count as requests under way")
    func windingUp() throws {
        var limits = ServerLimits()
        limits.http2.maxStreams = 3
        let server = try HTTP2Harness(limits: limits)
        for id in [1, 3, 5] as [UInt32] {
            server.send {
                $0.headers(id, FrameWriter.request())
                $0.reset(id)
            }
        }
        // The delegate of this test keeps the handlers, and they keep their streams.
        server.send { $0.headers(7, FrameWriter.request()) }
        #expect(try server.shorts() == ["RST_STREAM(7) 7"])
        #expect(server.delegate.handlers.count == 3)
    }

    @Test("more streams than announced are an error")
    func streams() throws {
        var limits = ServerLimits()
        limits.http2.maxStreams = 2
        let server = try HTTP2Harness(limits: limits)
        server.send { writer in
            for id in [1, 3, 5] as [UInt32] { writer.headers(id, FrameWriter.request()) }
        }
        #expect(server.delegate.handlers.count == 2)
        #expect(try server.shorts().contains { $0.hasPrefix("GOAWAY") || $0.hasPrefix("RST_STREAM(5)") })
    }

    @Test("a field section in too many pieces is an error")
    func continuations() throws {
        let server = try HTTP2Harness()
        server.send { $0.frame(1, flags: 1, stream: 1, FrameWriter.block(FrameWriter.request())) }
        var count = 0
        while server.connection.phase == .open, count < 100 {
            count += 1
            server.send { $0.frame(9, stream: 1, FrameWriter.block([("a", "1")])) }
        }
        #expect(count <= 17)
        #expect(server.delegate.handlers.isEmpty)
    }

    @Test("fields that stand for many more bytes than they have are an error")
    func bomb() throws {
        let server = try HTTP2Harness()
        // A literal that enters the table, then thousands of references to it (RFC 7541 §6.1, §6.2.1).
        let value = [UInt8](repeating: UInt8(ascii: "a"), count: 3000)
        var block = FrameWriter.block(FrameWriter.request())
        block += [0x40, 1, UInt8(ascii: "x"), 127, 0xb9, 0x16] + value
        block += [UInt8](repeating: 0xbe, count: 5000)
        server.send { $0.frame(1, flags: 5, stream: 1, block) }
        #expect(try server.shorts().contains { $0.hasPrefix("GOAWAY") && $0.hasSuffix(" \(Self.calm)") })
        #expect(server.delegate.handlers.isEmpty)
    }

    @Test("time is limited", arguments: ["fields", "idle", "body", "window", "socket"])
    func time(kind: String) throws {
        let server = try HTTP2Harness(settings: kind == "window" ? [(4, 1)] : []) { handler in
            if kind == "body" { handler.stream.acceptBody() } else { handler.stream.answer("xyz") }
        }
        switch kind {
        case "fields": server.send { $0.frame(1, flags: 1, stream: 1, FrameWriter.block(FrameWriter.request())) }
        case "body": server.send { $0.headers(1, FrameWriter.request(method: "POST"), ends: false) }
        case "window": server.send { $0.headers(1, FrameWriter.request()) }
        case "socket": server.setWritable(false)
        default: break
        }
        _ = try server.frames()
        let limit: TimeAmount = kind == "fields" ? .seconds(10) : kind == "idle" ? .seconds(75) : .seconds(60)
        server.pass(limit - .seconds(1))
        // What brings nothing does not buy time.
        server.send { $0.frame(kind == "fields" ? 9 : 0x77, stream: kind == "fields" ? 1 : 0) }
        #expect(try server.shorts() == [])
        server.pass(.seconds(2))
        let frames = try server.shorts()
        switch kind {
        case "fields": #expect(frames == ["GOAWAY(1) \(Self.calm)"])
        case "idle": #expect(frames == ["GOAWAY(0) 0"])
        case "body":
            #expect(frames == ["RST_STREAM(1) 8"])
            #expect(server.handler?.events == ["closed bodyTimeout"])
        case "window": #expect(frames == ["RST_STREAM(1) 8"])
        default: #expect(!server.isOpen)
        }
    }

    @Test("a wrong preface closes the connection")
    func preface() throws {
        let server = try HTTP2Harness(opens: false)
        server.send(Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8))
        #expect(server.connection.phase == .lingering || !server.isOpen)
    }

    @Test("an idle connection that drains says goodbye and closes")
    func drainIdle() throws {
        let server = try HTTP2Harness { $0.stream.answer("x") }
        server.send { $0.headers(1, FrameWriter.request()) }
        _ = try server.frames()
        server.connection.drain()
        #expect(try server.shorts() == ["GOAWAY(1) 0"])
        #expect(!server.isOpen)
    }

    @Test("a connection that drains answers what is under way, and what was on its way")
    func drain() throws {
        let server = try HTTP2Harness()
        server.send { $0.headers(1, FrameWriter.request("/1")) }
        server.connection.drain()
        #expect(try Set(server.shorts()) == ["GOAWAY(2147483647) 0", "PING"])
        server.send {
            $0.headers(3, FrameWriter.request("/3"))
            $0.ping(ack: true)
        }
        #expect(try server.shorts() == ["GOAWAY(3) 0"])
        server.send { $0.headers(5, FrameWriter.request("/5")) }
        #expect(server.delegate.targets == ["/1", "/3"])
        for handler in server.delegate.handlers { handler.stream.answer("x") }
        #expect(try server.shorts() == ["HEADERS(1)", "HEADERS(3)", "DATA(1) 1 end", "DATA(3) 1 end"])
        #expect(!server.isOpen)
    }

    @Test("a client that does not answer the ping is told the last stream all the same")
    func grace() throws {
        let server = try HTTP2Harness()
        server.send { $0.headers(1, FrameWriter.request()) }
        server.connection.drain()
        _ = try server.frames()
        server.pass(.seconds(2))
        #expect(try server.shorts() == ["GOAWAY(1) 0"])
    }

    @Test("what is left when time is over is cut off")
    func cutOff() throws {
        let server = try HTTP2Harness()
        server.send { $0.headers(1, FrameWriter.request()) }
        server.loop.closeAll()
        #expect(server.handler?.events == ["closed drained"])
        #expect(!server.isOpen)
    }
}

@Suite("HTTP/2 without asking")
struct PrefaceTests {
    private func server(takesPreface: Bool) throws -> (EmbeddedServer, ScriptedDelegate) {
        let delegate = ScriptedDelegate { $0.stream.answer("x") }
        return (try EmbeddedServer(delegate, takesPreface: takesPreface), delegate)
    }

    @Test("a connection that begins with the preface goes on as HTTP/2", arguments: [1, 7, 1000])
    func taken(piece: Int) throws {
        let (server, delegate) = try server(takesPreface: true)
        var writer = FrameWriter.opening()
        writer.headers(1, FrameWriter.request("/h2"))
        for start in stride(from: 0, to: writer.bytes.count, by: piece) {
            server.send(Array(writer.bytes[start..<min(start + piece, writer.bytes.count)]))
        }
        #expect(delegate.targets == ["/h2"])
        let frames = ReceivedFrame.all(try server.received()).map(\.description)
        #expect(frames == ["SETTINGS", "WINDOW_UPDATE(0) 983041", "SETTINGS ack", "HEADERS(1)", "DATA(1) 1 end"])
        #expect(server.census.count == 1)
        #expect(server.loop.sweep.count == 1)
        _ = try server.channel.finish()
        #expect(server.census.count == 0)
    }

    @Test("a preface that comes while the listener drains is told so, and nothing stays behind")
    func draining() throws {
        let (server, _) = try server(takesPreface: true)
        server.loop.beginDraining()
        server.send(FrameWriter.opening().bytes)
        #expect(!server.channel.isActive)
        let frames = ReceivedFrame.all(try server.received()).map(\.description)
        #expect(frames.last == "GOAWAY(0) 0")
        #expect(server.census.count == 0)
        #expect(server.loop.sweep.count == 0)
    }

    @Test("where it is not taken, or not first, the preface is refused")
    func refused() throws {
        let (off, first) = try server(takesPreface: false)
        off.send(FrameWriter.preface)
        #expect(first.refusals == [.versionNotSupported])
        let (on, second) = try server(takesPreface: true)
        on.send(Array("GET / HTTP/1.1\r\nhost: a\r\n\r\n".utf8))
        on.send(FrameWriter.preface)
        #expect(second.refusals == [.versionNotSupported])
    }
}

/// An HTTP/1.1 connection as `ServerPipeline` makes it, on an embedded channel.
final class EmbeddedServer {
    let channel = EmbeddedChannel()
    let loop: ServerLoop
    let census = ConnectionCensus(limit: 10)

    init(_ delegate: ScriptedDelegate, takesPreface: Bool) throws {
        loop = ServerLoop(eventLoop: channel.eventLoop, limits: ServerLimits(), delegate: delegate, census: census)
        var options = ListenerOptions()
        options.http2 = takesPreface
        try ServerPipeline(loop: loop, options: options).install(on: channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    deinit {
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    func send(_ bytes: [UInt8]) {
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes))
        channel.pipeline.fireChannelReadComplete()
    }

    func received() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { bytes += piece.readableBytesView }
        return bytes
    }
}
