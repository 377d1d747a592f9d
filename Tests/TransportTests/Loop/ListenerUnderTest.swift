import NIOCore
import Testing

@testable import Transport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Listens on a free address while the body runs.
func withListener(
    on group: any EventLoopGroup, unix: Bool = false, options: StreamOptions = StreamOptions(),
    connection: @escaping StreamSockets.Initializer,
    body: (_ address: SocketAddress, _ server: any Channel) async throws -> Void
) async throws {
    let path = "/tmp/farebox-\(UInt64.random(in: 0 ... .max)).sock"
    let address =
        unix ? try SocketAddress(unixDomainSocketPath: path) : try SocketAddress(ipAddress: "127.0.0.1", port: 0)
    let socket = try ListeningSocket.open(address, sharesPort: false)
    defer {
        socket.close()
        if unix { unlink(path) }
    }
    let server = try await StreamSockets.accept(
        from: socket, group: group, options: options, listener: { _ in }, connection: connection
    ).get()
    try await server.setOption(.autoRead, value: true).get()
    try await body(socket.localAddress, server)
    if server.isActive { try await server.close() }
}

#if os(Linux)
    /// Which socket a channel has.
    struct SocketIdentity: Hashable, Sendable {
        private let descriptor: CInt
        private let number: UInt64

        init?(of channel: any Channel) {
            guard let channel = channel as? EpollChannel,
                let number = Self.number(channel.descriptor)
            else { return nil }
            descriptor = channel.descriptor
            self.number = number
        }

        /// Whether the descriptor still leads to the socket.
        var isOpen: Bool { Self.number(descriptor) == number }

        private static func number(_ descriptor: CInt) -> UInt64? {
            var status = stat()
            return fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
        }
    }
#else
    /// Not known of the channels of other engines.
    struct SocketIdentity: Hashable, Sendable {
        init?(of channel: any Channel) { return nil }
        var isOpen: Bool { false }
    }
#endif
