import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite("Listener and pool together on real sockets", .timeLimit(.minutes(1)))
struct ForwardingTests {
    /// More than all buffers on the way can hold.
    private static let large = 64 << 20

    /// What one read event may deliver after a pause.
    private static let readEvent = 64 << 10

    private func forward(
        to upstream: SocketAddress, on group: any EventLoopGroup, notes: ForwarderNotes = ForwarderNotes(),
        change: @escaping @Sendable (inout UpstreamConfiguration) -> Void = { _ in },
        _ body: (SocketAddress, ForwarderNotes) async throws -> Void
    ) async throws {
        let port = try #require(upstream.port)
        let listener = try await HTTPListener.bind(addresses: [.host("127.0.0.1", port: 0)], group: group) { loop in
            var configuration = UpstreamConfiguration(name: "u", address: .host("127.0.0.1", port: port))
            change(&configuration)
            return Forwarder(configuration, on: loop, notes: notes)
        }
        try await body(listener.localAddresses[0], notes)
        await listener.drain(timeout: .seconds(5))
    }

    @Test("requests and answers of every framing pass on one connection each")
    func passes() async throws {
        try await withGroup { group in
            try await RawServer.run(on: group) { server in
                let upstream = server.address
                try await forward(to: upstream, on: group) { address, _ in
                    try await RawPeer.connect(address, on: group) { client in
                        try await client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
                        try await RawPeer.serve(try await server.accept()) { peer in
                            #expect(try await peer.read(through: "\r\n\r\n") == "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
                            try await peer.send("HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nhi")
                            #expect(
                                try await client.read(through: "\r\n\r\nhi")
                                    == "HTTP/1.1 200 OK\r\nDate: d\r\ncontent-length: 2\r\n\r\nhi")
                            try await client.send(
                                "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n"
                            )
                            let second = try await peer.read(through: "T: 1\r\n\r\n")
                            #expect(second.hasSuffix("transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n"))
                            try await peer.send(
                                "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nDate: d\r\n"
                                    + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nU: 2\r\n\r\n")
                            let answer = try await client.read(through: "U: 2\r\n\r\n")
                            #expect(answer.hasPrefix("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n"))
                            #expect(answer.hasSuffix("\r\n\r\n2\r\nok\r\n0\r\nU: 2\r\n\r\n"))
                        }
                    }
                }
            }
        }
    }

    @Test("a slow reader pauses the upstream until it reads on")
    func slowReader() async throws {
        try await withGroup(threads: 2) { group in
            try await RawServer.run(on: group) { server in
                try await forward(to: server.address, on: group) { address, notes in
                    try await RawPeer.connect(address, on: group) { client in
                        try await client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                        let accepted = try await server.accept()
                        async let served: Void = RawPeer.serve(accepted) { peer in
                            _ = try await peer.read(through: "\r\n\r\n")
                            try await peer.send("HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: \(Self.large)\r\n\r\n")
                            try await peer.sendLarge(Self.large)
                            _ = try await peer.readToEnd()
                        }
                        #expect(await notes.wait { $0.isPaused }.sent < Self.large)
                        _ = try await client.read(through: "\r\n\r\n")
                        #expect(try await client.drop(Self.large) == Self.large)
                        let end = await notes.wait { $0.ends == ["end"] }
                        #expect(end.sent == Self.large)
                        #expect(end.mostWhilePaused <= Self.readEvent)
                        await notes.closePools()
                        try await served
                    }
                }
            }
        }
    }

    @Test("an upstream that reads slowly pauses the client until it reads on")
    func slowUpstream() async throws {
        try await withGroup(threads: 2) { group in
            try await RawServer.run(on: group) { server in
                try await forward(to: server.address, on: group) { address, notes in
                    try await RawPeer.connect(address, on: group) { client in
                        try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.large)\r\n\r\n")
                        let accepted = try await server.accept()
                        async let served: Void = RawPeer.serve(accepted) { peer in
                            #expect(await notes.wait { $0.isPaused }.received < Self.large)
                            _ = try await peer.read(through: "\r\n\r\n")
                            let taken = try await peer.drop(Self.large)
                            #expect(taken == Self.large)
                            try await peer.send("HTTP/1.1 204 No Content\r\nDate: d\r\n\r\n")
                            _ = try await peer.readToEnd()
                        }
                        try await client.sendLarge(Self.large)
                        let answer = try await client.read(through: "\r\n\r\n")
                        #expect(answer.hasPrefix("HTTP/1.1 204 "))
                        let end = await notes.wait { $0.ends == ["end"] }
                        #expect(end.received == Self.large)
                        #expect(end.mostWhilePaused == 0, "no body event comes while paused")
                        await notes.closePools()
                        try await served
                    }
                }
            }
        }
    }

    @Test("a connection that the upstream closed in idleness costs the next request nothing")
    func stale() async throws {
        try await withGroup(threads: 2) { group in
            try await RawServer.run(on: group) { server in
                try await forward(to: server.address, on: group) { address, _ in
                    try await RawPeer.connect(address, on: group) { client in
                        for target in ["/1", "/2", "/3"] {
                            try await client.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
                            try await RawPeer.serve(try await server.accept()) { peer in
                                #expect(try await peer.read(through: "\r\n\r\n").hasPrefix("GET \(target) "))
                                try await peer.send("HTTP/1.1 204 No Content\r\nDate: d\r\n\r\n")
                                #expect(try await client.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 204 "))
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("an upstream that nobody listens at is answered for at once")
    func refused() async throws {
        try await withGroup { group in
            let address = try await RawServer.run(on: group) { server in server.address }
            try await forward(to: address, on: group) { address, notes in
                try await RawPeer.connect(address, on: group) { client in
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await client.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 502 "))
                    #expect(await notes.wait { !$0.ends.isEmpty }.ends == ["failed connect failed"])
                }
            }
        }
    }

    @Test("a client that goes away takes its upstream request with it")
    func clientGone() async throws {
        try await withGroup(threads: 2) { group in
            try await RawServer.run(on: group) { server in
                try await forward(to: server.address, on: group) { address, notes in
                    let (heads, continuation) = AsyncStream.makeStream(of: String.self)
                    try await RawPeer.connect(address, on: group) { client in
                        try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
                        let accepted = try await server.accept()
                        async let served: String = RawPeer.serve(accepted) { peer in
                            continuation.yield(try await peer.read(through: "\r\n\r\nabc"))
                            return try await peer.readToEnd()
                        }
                        var iterator = heads.makeAsyncIterator()
                        #expect(await iterator.next()?.hasPrefix("POST / ") == true)
                        client.sendEnd()
                        let rest = try await served
                        #expect(rest == "")
                    }
                    #expect(await notes.wait { !$0.ends.isEmpty }.ends == ["closed peerClosed"])
                }
            }
        }
    }

    @Test("an upstream that breaks off in the body breaks the client's answer off too")
    func upstreamGone() async throws {
        try await withGroup(threads: 2) { group in
            try await RawServer.run(on: group) { server in
                try await forward(to: server.address, on: group) { address, notes in
                    try await RawPeer.connect(address, on: group) { client in
                        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                        try await RawPeer.serve(try await server.accept()) { peer in
                            _ = try await peer.read(through: "\r\n\r\n")
                            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
                        }
                        let answer = try await client.readToEnd()
                        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                        #expect(await notes.wait { !$0.ends.isEmpty }.ends == ["failed broken off"])
                    }
                }
            }
        }
    }

    @Test("a unix socket serves as upstream address")
    func unixUpstream() async throws {
        try await withGroup { group in
            let path = "/tmp/farebox-\(UInt64.random(in: 0 ... .max)).sock"
            let upstream = try await HTTPListener.bind(addresses: [.unix(path)], group: group) { _ in Echo() }
            let listener = try await HTTPListener.bind(addresses: [.host("127.0.0.1", port: 0)], group: group) { loop in
                Forwarder(UpstreamConfiguration(name: "u", address: .unix(path)), on: loop, notes: ForwarderNotes())
            }
            try await RawPeer.connect(listener.localAddresses[0], on: group) { client in
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
                #expect(try await client.read(through: "hello").hasPrefix("HTTP/1.1 200 OK\r\n"))
            }
            await listener.drain(timeout: .seconds(5))
            await upstream.drain(timeout: .milliseconds(1))
        }
    }
}

/// Answers with the body of the request.
private final class Echo: RequestDelegate {
    func begin(_ stream: ServerStream) -> any RequestHandler {
        let handler = NotingHandler(stream)
        handler.onBody = { stream, bytes in stream.writeBody(bytes) }
        handler.onEnd = { $0.end(trailers: nil) }
        stream.writeHead(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .stream)
        stream.acceptBody()
        return handler
    }

    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? { nil }
}

extension RawPeer {
    /// Sends so many bytes, a mebibyte at a time.
    fileprivate func sendLarge(_ count: Int) async throws {
        let piece = ByteBuffer(repeating: 0x78, count: 1 << 20)
        for _ in 0..<(count >> 20) { try await send(piece) }
    }
}
