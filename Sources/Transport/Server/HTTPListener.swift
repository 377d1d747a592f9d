package import NIOCore
package import NIOPosix

/// Accepts HTTP/1.1 connections on every loop of a group.
package final class HTTPListener: Sendable {
    /// Makes the delegate of one event loop.
    package typealias DelegateFactory = @Sendable (any EventLoop) -> any RequestDelegate

    /// The addresses bound, with the ports really taken.
    package let localAddresses: [SocketAddress]

    init(localAddresses: [SocketAddress]) {
        self.localAddresses = localAddresses
    }

    /// Binds all addresses and starts to accept, or binds none.
    package static func bind(
        addresses: [ListenAddress], group: MultiThreadedEventLoopGroup, limits: ServerLimits = ServerLimits(),
        delegate: @escaping DelegateFactory
    ) async throws(TransportError) -> HTTPListener {
        HTTPListener(localAddresses: [])
    }

    /// The connections open now, over all loops.
    package var openConnections: Int { 0 }

    /// Stops accepting, closes idle connections, lets exchanges finish, then closes what is left.
    package func drain(timeout: Duration) async {}
}
