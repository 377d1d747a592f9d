import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite("The addresses of a server")
struct UpstreamDialTests {
    private static func address(_ host: String, _ port: Int = 80) throws -> SocketAddress {
        try SocketAddress(ipAddress: host, port: port)
    }

    @Test("an address that refuses is followed by the next")
    func nextAddress() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        let server = UpstreamServer()
        _ = server.resolved([try Self.address("127.0.0.2", port), try Self.address("127.0.0.1", port)])
        let configuration = UpstreamConfiguration(name: "u", address: .host("api.internal", port: port))
        for _ in 0..<2 {
            let connects = await UpstreamProbe.connects(to: configuration, server, on: group.next())
            #expect(connects)
        }
        try await listener.close()
        let connects = await UpstreamProbe.connects(to: configuration, server, on: group.next())
        #expect(!connects)
        try await group.shutdownGracefully()
    }

    @Test("a server that says nothing in its handshake leaves the next address its time")
    func hangingHandshake() async throws {
        try await withTLSServer(.good) { server, certificates in
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let silent = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
            let silentPort = try #require(silent.localAddress?.port)
            let known = UpstreamServer()
            // The second one is tried first.
            _ = known.resolved([
                try Self.address("127.0.0.1", server.port), try Self.address("127.0.0.1", silentPort),
            ])
            var configuration = UpstreamConfiguration(name: "u", address: .host("localhost", port: server.port))
            configuration.tls = try UpstreamTLS(.only(certificates.authority))
            configuration.connectTimeout = .seconds(3)
            let connects = await UpstreamProbe.connects(to: configuration, known, on: group.next())
            #expect(connects)
            try await silent.close()
            try await group.shutdownGracefully()
        }
    }

    @Test("a resolution that fails keeps the addresses, and is told once")
    func failedResolution() throws {
        let server = UpstreamServer()
        let (one, two) = (try Self.address("10.0.0.1"), try Self.address("10.0.0.2"))
        let script: [(found: [SocketAddress], isNews: Bool, known: [SocketAddress], edition: Int)] = [
            ([one], false, [one], 1), ([one], false, [one], 1), ([], true, [one], 1), ([], false, [one], 1),
            ([one], true, [one], 1), ([two, one], true, [two, one], 2), ([one, two], false, [one, two], 2),
        ]
        for (index, step) in script.enumerated() {
            let isNews = server.resolved(step.found)
            #expect(isNews == step.isNews, "step \(index)")
            #expect(server.addresses == step.known)
            #expect(server.edition == step.edition)
        }
    }

    @Test("work for a server is done once at a time")
    func work() {
        let server = UpstreamServer()
        let begun = [server.begin(.check), server.begin(.check), server.begin(.test)]
        #expect(begun == [true, false, true])
        server.end(.check)
        let again = [server.begin(.check), server.begin(.test)]
        #expect(again == [true, false])
    }

    @Test("the book knows a server again, and one that joined later")
    func book() {
        let book = UpstreamBook()
        let configurations = (0..<2).map { UpstreamConfiguration(name: "u", address: .host("10.0.0.\($0)", port: 80)) }
        let first = UpstreamGroupConfiguration(configurations[0])
        book.keep([first], now: .now())
        let server = book.server(for: configurations[0], now: .now())
        #expect(server.isPlain)
        book.keep([UpstreamGroupConfiguration(name: "u", members: configurations.map { .init($0) })], now: .now())
        #expect(book.server(for: configurations[0], now: .now()) === server)
        #expect(!book.server(for: configurations[1], now: .now()).isPlain)
        book.keep([], now: .now())
        #expect(book.watched.isEmpty)
        #expect(book.server(for: configurations[0], now: .now()) !== server)
    }
}
