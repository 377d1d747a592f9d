import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// A plain TCP connection that a test reads and writes byte by byte.
struct RawPeer {
    typealias Wrapped = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private var input: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let output: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var unread = ""
    private var rest = ByteBuffer()

    fileprivate init(
        _ input: NIOAsyncChannelInboundStream<ByteBuffer>, _ output: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.input = input.makeAsyncIterator()
        self.output = output
    }

    static func wrap(_ channel: any Channel) throws -> Wrapped {
        try Wrapped(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    /// Connects and closes when the body returns; on loops that are not under test.
    static func connect<Result: Sendable>(
        _ address: SocketAddress, on group: any EventLoopGroup,
        _ body: (inout RawPeer) async throws -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(to: address) { channel in channel.eventLoop.makeCompletedFuture { try wrap(channel) } }
        return try await channel.executeThenClose { input, output in
            var peer = RawPeer(input, output)
            return try await body(&peer)
        }
    }

    /// Speaks on an accepted connection and closes it when the body returns.
    static func serve<Result: Sendable>(
        _ channel: Wrapped, _ body: (inout RawPeer) async throws -> Result
    ) async throws -> Result {
        try await channel.executeThenClose { input, output in
            var peer = RawPeer(input, output)
            return try await body(&peer)
        }
    }

    func send(_ text: String) async throws {
        try await output.write(ByteBuffer(string: text))
    }

    func send(_ bytes: ByteBuffer) async throws {
        try await output.write(bytes)
    }

    /// Ends this side's half of the connection.
    func sendEnd() {
        output.finish()
    }

    /// Reads until the text read since the last call ends a match, which is returned with what stood before it.
    mutating func read(through end: String) async throws -> String {
        while true {
            if let range = unread.firstRange(of: end) {
                let found = String(unread[..<range.upperBound])
                unread.removeSubrange(..<range.upperBound)
                return found
            }
            guard let bytes = try await input.next() else { throw Ended(unread: unread) }
            unread += String(buffer: bytes)
        }
    }

    /// Reads to the end of the connection.
    mutating func readToEnd() async throws -> String {
        while let bytes = try await input.next() { unread += String(buffer: bytes) }
        defer { unread = "" }
        return unread
    }

    /// Reads so many bytes and drops them; returns fewer at the end of the connection.
    mutating func drop(_ count: Int) async throws -> Int {
        var dropped = unread.utf8.count
        unread = ""
        while dropped < count, let bytes = try await input.next() { dropped += bytes.readableBytes }
        return dropped
    }

    /// Reads exactly so many bytes.
    mutating func take(_ count: Int) async throws -> ByteBuffer {
        while rest.readableBytes < count {
            guard let bytes = try await input.next() else { throw Ended(unread: unread) }
            rest.writeImmutableBuffer(bytes)
        }
        guard let taken = rest.readSlice(length: count) else { throw Ended(unread: unread) }
        return taken
    }

    /// The connection ended before what was waited for came.
    struct Ended: Error {
        let unread: String
    }
}

/// A TCP server whose connections are handed to the test one after the other.
struct RawServer {
    let address: SocketAddress
    private var connections: NIOAsyncChannelInboundStream<RawPeer.Wrapped>.AsyncIterator

    /// Listens on a free port while the body runs.
    static func run<Result: Sendable>(
        on group: any EventLoopGroup, _ body: (inout RawServer) async throws -> Result
    ) async throws -> Result {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { try RawPeer.wrap(channel) }
            }
        let address = try #require(server.channel.localAddress)
        return try await server.executeThenClose { input in
            var server = RawServer(address: address, connections: input.makeAsyncIterator())
            return try await body(&server)
        }
    }

    /// Takes the next connection.
    mutating func accept() async throws -> RawPeer.Wrapped {
        try #require(try await connections.next())
    }
}

/// Runs a test on every engine there is, each with a group of threads of its own.
func withGroup(threads: Int = 1, _ body: (any EventLoopGroup) async throws -> Void) async throws {
    for engine in LoopEngine.available { try await withGroup(engine, threads: threads, body) }
}

/// Runs a test with a group of threads of its own.
func withGroup(
    _ engine: LoopEngine, threads: Int = 1, _ body: (any EventLoopGroup) async throws -> Void
) async throws {
    let group = try engine.makeGroup(loops: threads)
    do {
        try await body(group)
        try await group.shutdownGracefully()
    } catch {
        try? await group.shutdownGracefully()
        throw error
    }
}
