import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// Answers every request at once with its target, except those that wait for the test.
private final class Greeter: RequestDelegate {
    private let begun: AsyncStream<NIOLoopBound<ServerStream>>.Continuation?

    init(_ begun: AsyncStream<NIOLoopBound<ServerStream>>.Continuation? = nil) {
        self.begun = begun
    }

    func begin(_ stream: ServerStream) -> any RequestHandler {
        let target = stream.head.string(stream.head.targetRange)
        if target.hasPrefix("/wait"), let begun {
            begun.yield(NIOLoopBound(stream, eventLoop: stream.eventLoop))
        } else {
            stream.answer(target)
        }
        return NotingHandler(stream)
    }

    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? {
        ByteBuffer(string: "HTTP/1.1 \(status) Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }
}

@Suite("The listener on real sockets", .timeLimit(.minutes(1)))
struct ListenerTests {
    @Test("it answers on every address it was given, and says which", arguments: [1, 2])
    func addresses(threads: Int) async throws {
        try await withGroup(threads: threads) { group in
            let path = "/tmp/farebox-\(UInt64.random(in: 0 ... .max)).sock"
            let listener = try await HTTPListener.bind(
                addresses: [.host("127.0.0.1", port: 0), .host("127.0.0.1", port: 0), .unix(path)], group: group
            ) { _ in Greeter() }
            #expect(listener.localAddresses.count == 3)
            for address in listener.localAddresses {
                for _ in 0..<8 {
                    try await RawPeer.connect(address, on: group) { peer in
                        try await peer.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                        #expect(try await peer.read(through: "/hello").hasPrefix("HTTP/1.1 200 OK\r\n"))
                    }
                }
            }
            await listener.drain(timeout: .seconds(5))
            #expect(listener.openConnections == 0)
        }
    }

    @Test("an address in use is an error, also where loops share a port", arguments: [1, 2])
    func inUse(threads: Int) async throws {
        try await withGroup(threads: threads) { group in
            let first = try await HTTPListener.bind(addresses: [.host("127.0.0.1", port: 0)], group: group) { _ in
                Greeter()
            }
            let port = try #require(first.localAddresses.first?.port)
            await #expect(throws: TransportError.self) {
                try await HTTPListener.bind(
                    addresses: [.host("127.0.0.1", port: 0), .host("127.0.0.1", port: port)], group: group
                ) { _ in Greeter() }
            }
            await first.drain(timeout: .seconds(5))
        }
    }

    @Test("a client that ends its half gets its answer, then the end")
    func halfClose() async throws {
        try await withGroup { group in
            let (begun, continuation) = AsyncStream.makeStream(of: NIOLoopBound<ServerStream>.self)
            let listener = try await HTTPListener.bind(addresses: [.host("127.0.0.1", port: 0)], group: group) { _ in
                Greeter(continuation)
            }
            try await RawPeer.connect(listener.localAddresses[0], on: group) { peer in
                try await peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                peer.sendEnd()
                var streams = begun.makeAsyncIterator()
                let stream = try #require(await streams.next())
                try await stream.eventLoop.submit { stream.value.answer(String(repeating: "x", count: 300_000)) }.get()
                let answer = try await peer.readToEnd()
                #expect(answer.hasSuffix("xx"))
                #expect(answer.count > 300_000)
            }
            await listener.drain(timeout: .seconds(5))
        }
    }

    @Test("an answer before the body reaches a client that is still sending")
    func lingers() async throws {
        try await withGroup(threads: 2) { group in
            var limits = ServerLimits()
            limits.maxBodyBytes = 1000
            limits.lingerTimeout = .seconds(50)
            let listener = try await HTTPListener.bind(
                addresses: [.host("127.0.0.1", port: 0)], group: group, limits: limits
            ) { _ in Greeter() }
            try await RawPeer.connect(listener.localAddresses[0], on: group) { peer in
                try await peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
                for _ in 0..<40 { try await peer.send(String(repeating: "x", count: 100_000)) }
                #expect(try await peer.readToEnd().hasPrefix("HTTP/1.1 413 "))
            }
            await listener.drain(timeout: .seconds(5))
        }
    }

    @Test("a client that never closes after its last answer is closed when the lingering is over")
    func lingerTimeout() async throws {
        try await withGroup { group in
            var limits = ServerLimits()
            limits.lingerTimeout = .milliseconds(1)
            let listener = try await HTTPListener.bind(
                addresses: [.host("127.0.0.1", port: 0)], group: group, limits: limits
            ) { _ in Greeter() }
            try await RawPeer.connect(listener.localAddresses[0], on: group) { peer in
                try await peer.send("GET /\r\n\r\n")
                #expect(try await peer.readToEnd().hasPrefix("HTTP/1.1 400 "))
                await listener.drain(timeout: .seconds(600))
                #expect(listener.openConnections == 0)
            }
        }
    }

    @Test("draining waits for exchanges, takes no connections and says close")
    func drain() async throws {
        try await withGroup(threads: 2) { group in
            let (begun, continuation) = AsyncStream.makeStream(of: NIOLoopBound<ServerStream>.self)
            let listener = try await HTTPListener.bind(addresses: [.host("127.0.0.1", port: 0)], group: group) { _ in
                Greeter(continuation)
            }
            let address = listener.localAddresses[0]
            try await RawPeer.connect(address, on: group) { idle in
                try await idle.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await idle.read(through: "/a")
                try await RawPeer.connect(address, on: group) { busy in
                    try await busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                    var streams = begun.makeAsyncIterator()
                    let stream = try #require(await streams.next())
                    async let drained: Void = listener.drain(timeout: .seconds(30))
                    #expect(try await idle.readToEnd() == "")
                    try await stream.eventLoop.submit { stream.value.answer("done") }.get()
                    let answer = try await busy.readToEnd()
                    #expect(answer.contains("connection: close\r\n"))
                    #expect(answer.hasSuffix("done"))
                    await drained
                }
            }
            #expect(listener.openConnections == 0)
            await #expect(throws: (any Error).self) { try await RawPeer.connect(address, on: group) { _ in } }
        }
    }

    @Test("what does not finish in time is cut off")
    func drainTimeout() async throws {
        try await withGroup { group in
            let (begun, continuation) = AsyncStream.makeStream(of: NIOLoopBound<ServerStream>.self)
            let listener = try await HTTPListener.bind(addresses: [.host("127.0.0.1", port: 0)], group: group) { _ in
                Greeter(continuation)
            }
            try await RawPeer.connect(listener.localAddresses[0], on: group) { peer in
                try await peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                var streams = begun.makeAsyncIterator()
                _ = await streams.next()
                await listener.drain(timeout: .milliseconds(1))
                #expect(try await peer.readToEnd() == "")
            }
        }
    }

    @Test(
        "requests sent ahead in random pieces are all answered in order", arguments: [UInt64.random(in: 0 ... .max), 7])
    func randomPieces(seed: UInt64) async throws {
        try await withGroup(threads: 2) { group in
            let listener = try await HTTPListener.bind(addresses: [.host("127.0.0.1", port: 0)], group: group) { _ in
                Greeter()
            }
            var random = SplitMix(seed: seed)
            let targets = (0..<300).map {
                "/\($0)-" + String(repeating: "y", count: Int.random(in: 0...400, using: &random))
            }
            let requests = targets.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
            let pieces = random.pieces(Array(requests.utf8), longest: 5000)
            try await RawPeer.connect(listener.localAddresses[0], on: group) { peer in
                for piece in pieces { try await peer.send(ByteBuffer(bytes: piece)) }
                peer.sendEnd()
                let answers = try await peer.readToEnd()
                let bodies = answers.components(separatedBy: "HTTP/1.1 200 OK\r\n").dropFirst()
                #expect(bodies.map { $0.components(separatedBy: "\r\n\r\n")[1] } == targets, "seed \(seed)")
            }
            await listener.drain(timeout: .seconds(5))
        }
    }

    @Test(
        "listen addresses are read strictly",
        arguments: [
            ("127.0.0.1:80", ListenAddress.host("127.0.0.1", port: 80)), (":8402", .host("0.0.0.0", port: 8402)),
            ("[::1]:1", .host("::1", port: 1)), ("localhost:0", .host("localhost", port: 0)),
            ("unix:/run/f.sock", .unix("/run/f.sock")),
            ("fd:3", .passed("3")), ("fd:farebox.socket", .passed("farebox.socket")), ("fd:", nil), ("fd:a:b", nil),
            ("fd:a b", nil), ("unix:/run/a\nb", nil), ("127.0.0.1", nil), ("127.0.0.1:", nil), ("a:65536", nil),
            ("a:-1", nil), ("::1:80", nil), ("[1]:80", nil), ("unix:f.sock", nil), ("", nil), ("a b:1", nil),
        ])
    func listenAddress(_ text: String, _ expected: ListenAddress?) {
        #expect(ListenAddress(text) == expected)
    }
}

extension String {
    /// Splits at every occurrence of a separator.
    func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
