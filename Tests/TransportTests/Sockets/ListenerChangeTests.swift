import NIOCore
import Synchronization
import Testing

@testable import Transport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Answers with the target at once, or when the test says so.
private final class Answerer: RequestDelegate {
    private let begun: AsyncStream<NIOLoopBound<ServerStream>>.Continuation?

    init(_ begun: AsyncStream<NIOLoopBound<ServerStream>>.Continuation? = nil) { self.begun = begun }

    func begin(_ stream: ServerStream) -> any RequestHandler {
        let target = stream.head.string(stream.head.targetRange)
        if target == "/wait", let begun {
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

@Suite("A listener whose addresses change", .timeLimit(.minutes(5)))
struct ListenerChangeTests {
    private let local = ListenPoint(address: .host("127.0.0.1", port: 0))

    /// A client that a busy machine keeps from sending is not given up.
    private static let patient: ServerLimits = {
        var limits = ServerLimits()
        limits.headerTimeout = .seconds(200)
        limits.idleTimeout = .seconds(200)
        limits.drainGrace = .seconds(200)
        return limits
    }()

    private func bind(_ group: any EventLoopGroup, _ points: [ListenPoint]) async throws -> HTTPListener {
        try await HTTPListener.bind(points: points, group: group, limits: Self.patient) { _ in Answerer() }
    }

    private func ask(
        _ address: SocketAddress, _ target: String, on group: any EventLoopGroup
    ) async throws -> String {
        try await RawPeer.connect(address, on: group) { peer in
            try await peer.send("GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return try await peer.readToEnd()
        }
    }

    @Test("a new address is served and one that is gone is not; what runs there ends whole", arguments: [1, 2])
    func moves(threads: Int) async throws {
        try await withGroup(threads: threads) { group in
            let (begun, continuation) = AsyncStream.makeStream(of: NIOLoopBound<ServerStream>.self)
            let path = "/tmp/farebox-\(UInt64.random(in: 0 ... .max)).sock"
            let listener = try await HTTPListener.bind(points: [local], group: group) { _ in Answerer(continuation) }
            let old = listener.localAddresses[0]
            try await RawPeer.connect(old, on: group) { peer in
                try await peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                var streams = begun.makeAsyncIterator()
                let stream = try #require(await streams.next())
                let change = try await listener.prepare(
                    [ListenPoint(address: .unix(path))], limits: Self.patient)
                #expect(change.oldAddresses.map(\.address) == [old])
                await listener.commit(change, drainTimeout: .seconds(200))
                #expect(try await ask(listener.localAddresses[0], "/new", on: group).hasSuffix("/new"))
                try await stream.eventLoop.submit { stream.value.answer("whole") }.get()
                let answer = try await peer.readToEnd()
                #expect(answer.contains("connection: close\r\n") && answer.hasSuffix("whole"))
            }
            await #expect(throws: (any Error).self) { try await ask(old, "/old", on: group) }
            await listener.drain(timeout: .seconds(200))
            #expect(listener.openConnections == 0)
        }
    }

    @Test("an address that stays keeps its socket and its connections, whatever else changes", arguments: [1, 2])
    func stays(threads: Int) async throws {
        try await withGroup(threads: threads) { group in
            let listener = try await bind(group, [local])
            let address = listener.localAddresses[0]
            try await RawPeer.connect(address, on: group) { peer in
                try await peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await peer.read(through: "/a")
                for _ in 0..<20 {
                    let change = try await listener.prepare([local], limits: Self.patient)
                    await listener.commit(change, drainTimeout: .zero)
                }
                #expect(listener.localAddresses == [address])
                try await peer.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await peer.read(through: "/b").hasPrefix("HTTP/1.1 200 OK\r\n"))
            }
            await listener.drain(timeout: .seconds(200))
        }
    }

    @Test("new limits hold for new connections, old ones for those that are open")
    func limits() async throws {
        try await withGroup { group in
            let listener = try await bind(group, [local])
            let address = listener.localAddresses[0]
            let long = "GET /\(String(repeating: "x", count: 300)) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            try await RawPeer.connect(address, on: group) { peer in
                try await peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await peer.read(through: "/a")
                var limits = ServerLimits()
                limits.head.maxTargetBytes = 100
                let change = try await listener.prepare([local], limits: limits)
                await listener.commit(change, drainTimeout: .zero)
                try await RawPeer.connect(address, on: group) { new in
                    try await new.send(long)
                    #expect(try await new.readToEnd().hasPrefix("HTTP/1.1 414 "))
                }
                try await peer.send(long)
                #expect(try await peer.readToEnd().hasPrefix("HTTP/1.1 200 "))
            }
            await listener.drain(timeout: .seconds(200))
        }
    }

    @Test("where one address cannot be bound nothing changes", arguments: [1, 2])
    func refused(threads: Int) async throws {
        try await withGroup(threads: threads) { group in
            let other = try await bind(group, [local])
            let taken = try #require(other.localAddresses[0].port)
            let listener = try await bind(group, [local])
            let before = listener.localAddresses
            let path = "/tmp/farebox-\(UInt64.random(in: 0 ... .max)).sock"
            await #expect(throws: TransportError.self) {
                try await listener.prepare(
                    [ListenPoint(address: .unix(path)), ListenPoint(address: .host("127.0.0.1", port: taken))],
                    limits: Self.patient)
            }
            #expect(listener.localAddresses == before)
            #expect(try await ask(before[0], "/still", on: group).hasSuffix("/still"))
            await listener.drain(timeout: .seconds(200))
            await other.drain(timeout: .seconds(200))
        }
    }

    #if os(Linux)
        @Test("the same port at another address takes over from the old one", arguments: [1, 2])
        func widens(threads: Int) async throws {
            try await withGroup(threads: threads) { group in
                let listener = try await bind(group, [local])
                let port = try #require(listener.localAddresses[0].port)
                let change = try await listener.prepare(
                    [ListenPoint(address: .host("0.0.0.0", port: port))], limits: Self.patient)
                await listener.commit(change, drainTimeout: .seconds(200))
                let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
                #expect(try await ask(address, "/wide", on: group).hasSuffix("/wide"))
                await listener.drain(timeout: .seconds(200))
            }
        }
    #endif

    /// Asks once; false where no connection came about.
    private func isAnswered(
        _ target: String, at address: SocketAddress, on group: any EventLoopGroup
    ) async throws -> Bool {
        let isConnected = Mutex(false)
        do {
            try await RawPeer.connect(address, on: group) { peer in
                isConnected.withLock { $0 = true }
                try await peer.send("GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                #expect(try await peer.readToEnd().hasSuffix(target))
            }
            return true
        } catch {
            if isConnected.withLock({ $0 }) { throw error }
            return false
        }
    }

    @Test("whoever got through to an address that is given up is answered, never reset", arguments: [1, 2])
    func storm(threads: Int) async throws {
        try await withGroup(threads: threads) { group in
            for _ in 0..<2 {
                let listener = try await bind(group, [local])
                let address = listener.localAddresses[0]
                let clients = try await withThrowingTaskGroup(of: Bool.self) { tasks in
                    for number in 0..<100 {
                        tasks.addTask { try await isAnswered("/\(number)", at: address, on: group) }
                    }
                    _ = try await tasks.next()
                    await listener.drain(timeout: .seconds(200))
                    return try await tasks.reduce(into: 1) { $0 += $1 ? 1 : 0 }
                }
                #expect(clients > 0)
                #expect(listener.openConnections == 0)
            }
        }
    }
}

@Suite("Sockets that the process was started with", .timeLimit(.minutes(1)))
struct InheritedSocketsTests {
    @Test("connections that came while nobody accepted are answered by the next program", arguments: [1, 2])
    func handsOver(threads: Int) async throws {
        try await withGroup(threads: threads) { group in
            let point = ListenPoint(address: .host("127.0.0.1", port: 0))
            let first = try await HTTPListener.bind(points: [point], group: group) { _ in Answerer() }
            let address = first.localAddresses[0]
            await first.drain(timeout: .seconds(200), keepsSockets: true)
            let kept = try first.sockets.map { entry in
                InheritedListing.Kept(
                    address: entry.address, descriptors: try entry.sockets.map { try $0.duplicateDescriptor() })
            }
            try await RawPeer.connect(address, on: group) { peer in
                try await peer.send("GET /patient HTTP/1.1\r\nHost: a\r\n\r\n")
                var listing = InheritedListing()
                listing.kept = kept
                let inherited = try InheritedSockets(listing)
                let second = try await HTTPListener.bind(points: [point], group: group, inherited: inherited) { _ in
                    Answerer()
                }
                #expect(second.localAddresses == [address])
                #expect(inherited.closeUnclaimed().isEmpty)
                #expect(try await peer.read(through: "/patient").hasPrefix("HTTP/1.1 200 OK\r\n"))
                for entry in first.sockets { for socket in entry.sockets { socket.close() } }
                await second.drain(timeout: .seconds(200))
            }
        }
    }

    @Test("a passed socket is listened at by its name and by its number, and stays for the next file")
    func passed() async throws {
        try await withGroup(threads: 2) { group in
            let socket = try ListeningSocket.open(SocketAddress(ipAddress: "127.0.0.1", port: 0), sharesPort: false)
            var listing = InheritedListing()
            let descriptor = try socket.duplicateDescriptor()
            listing.named = [InheritedListing.Named(descriptor: descriptor, name: "web")]
            let inherited = try InheritedSockets(listing)
            for name in ["web", "\(descriptor)"] {
                let listener = try await HTTPListener.bind(
                    points: [ListenPoint(address: .passed(name))], group: group, inherited: inherited
                ) { _ in Answerer() }
                #expect(listener.localAddresses == [socket.localAddress])
                for _ in 0..<4 {
                    try await RawPeer.connect(socket.localAddress, on: group) { peer in
                        try await peer.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                        #expect(try await peer.read(through: "/hello").hasPrefix("HTTP/1.1 200 OK\r\n"))
                    }
                }
                await listener.drain(timeout: .seconds(200))
            }
            await #expect(throws: TransportError.self) {
                try await HTTPListener.bind(
                    points: [ListenPoint(address: .passed("other"))], group: group, inherited: inherited
                ) { _ in Answerer() }
            }
        }
    }

    @Test("a descriptor that is no listening stream socket is refused")
    func notListening() throws {
        let files = [CInt(0x7FFF_FFF0), try descriptor(ofFile: "/dev/null")]
        for descriptor in files {
            var listing = InheritedListing()
            listing.named = [InheritedListing.Named(descriptor: descriptor, name: "web")]
            #expect(throws: IOError.self) { try InheritedSockets(listing) }
        }
    }

    private func descriptor(ofFile path: String) throws -> CInt {
        let descriptor = open(path, O_RDONLY)
        try #require(descriptor >= 0)
        return descriptor
    }

    @Test(
        "the environment is read as sd_listen_fds(3) has it",
        arguments: [
            ([:], []), (["LISTEN_FDS": "2"], []), (["LISTEN_PID": "7", "LISTEN_FDS": "0"], []),
            (["LISTEN_PID": "8", "LISTEN_FDS": "2"], []),
            (["LISTEN_PID": "7", "LISTEN_FDS": "2"], ["3 unknown", "4 unknown"]),
            (["LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:api"], ["3 web", "4 api"]),
            (["LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:"], ["3 web", "4 "]),
            (["LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web"], nil),
            (["LISTEN_PID": "7", "LISTEN_FDS": "-1"], nil), (["LISTEN_PID": "7", "LISTEN_FDS": "many"], nil),
            (["LISTEN_PID": "7", "LISTEN_FDS": "100000"], nil), (["LISTEN_PID": "x", "LISTEN_FDS": "1"], nil),
            (["FAREBOX_SOCKETS": "5,6 127.0.0.1:80\n7 unix:/run/a b"], ["5,6 127.0.0.1:80", "7 unix:/run/a b"]),
            (["FAREBOX_SOCKETS": "2 127.0.0.1:80"], nil), (["FAREBOX_SOCKETS": "127.0.0.1:80"], nil),
            (["FAREBOX_SOCKETS": "5 nowhere"], nil),
        ] as [([String: String], [String]?)])
    func environment(_ environment: [String: String], _ expected: [String]?) {
        let listing = InheritedListing(environment: environment, processID: 7)
        let found = listing.map { listing in
            listing.named.map { "\($0.descriptor) \($0.name)" }
                + listing.kept.map { $0.descriptors.map(String.init).joined(separator: ",") + " \($0.address)" }
        }
        #expect(found == expected)
    }
}
