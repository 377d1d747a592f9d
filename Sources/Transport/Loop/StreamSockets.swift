import NIOCore
import NIOPosix

/// How the socket of a connection is used.
struct StreamOptions: Sendable {
    /// Whether the peer may end its side and still be answered.
    var allowsHalfClosure = false
    /// Unsent bytes at which the channel stops being writable, and to which they must fall.
    var writeBufferLow = 64 * 1024
    var writeBufferHigh = 256 * 1024
}

/// Opens sockets on a loop, whichever engine the loop is of.
///
/// Connections are read once per event, 64 KiB at most, and TCP does not wait to fill its segments.
enum StreamSockets {
    /// Puts the handlers into a new channel, on its loop.
    typealias Initializer = @Sendable (any Channel) throws -> Void

    /// Connections accepted in one event.
    static let acceptsPerEvent = 16

    /// Accepts on a duplicate of a listening socket, from when `autoRead` is set, and deals the connections out to the
    /// loops of `group`; what `listener` puts in sees to the listening channel.
    static func accept(
        from socket: ListeningSocket, group: any EventLoopGroup, options: StreamOptions,
        listener: @escaping Initializer, connection: @escaping Initializer
    ) -> EventLoopFuture<any Channel> {
        do {
            let descriptor = try socket.duplicateDescriptor()
            #if os(Linux)
                let loops = group.makeIterator().compactMap { $0 as? EpollLoop }
                if !loops.isEmpty {
                    return EpollSockets.accept(
                        from: descriptor, loops, options: options, listener: listener, connection: connection)
                }
            #endif
            let bootstrap = bootstrap(group, options, listener, connection)
            if socket.localAddress.protocol != .unix {
                _ = bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            }
            return bootstrap.withBoundSocket(descriptor)
        } catch {
            return group.next().makeFailedFuture(error)
        }
    }

    private static func bootstrap(
        _ group: any EventLoopGroup, _ options: StreamOptions, _ listener: @escaping Initializer,
        _ connection: @escaping Initializer
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.autoRead, value: false)
            .serverChannelOption(.maxMessagesPerRead, value: UInt(acceptsPerEvent))
            .serverChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try listener(channel) } }
            .childChannelOption(.allowRemoteHalfClosure, value: options.allowsHalfClosure)
            .childChannelOption(
                .writeBufferWaterMark, value: .init(low: options.writeBufferLow, high: options.writeBufferHigh)
            )
            .childChannelOption(.recvAllocator, value: allocator)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try connection(channel) } }
    }

    /// Connects to an address.
    static func connect(
        to address: SocketAddress, on loop: any EventLoop, timeout: TimeAmount, options: StreamOptions,
        _ initializer: @escaping Initializer
    ) -> EventLoopFuture<any Channel> {
        #if os(Linux)
            if let loop = loop as? EpollLoop {
                return EpollSockets.connect(
                    to: address, loop: loop, timeout: timeout, options: options, initializer)
            }
        #endif
        let bootstrap = bootstrap(loop, timeout: timeout, options, initializer)
        if case .unixDomainSocket = address, let path = address.pathname {
            return bootstrap.connect(unixDomainSocketPath: path)
        }
        return bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(to: address)
    }

    /// Connects to a unix-domain socket.
    static func connect(
        path: String, on loop: any EventLoop, timeout: TimeAmount, options: StreamOptions,
        _ initializer: @escaping Initializer
    ) -> EventLoopFuture<any Channel> {
        do {
            let address = try SocketAddress(unixDomainSocketPath: path)
            return connect(to: address, on: loop, timeout: timeout, options: options, initializer)
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    /// Connects to a host by its name, or by its address in text.
    static func connect(
        host: String, port: Int, on loop: any EventLoop, timeout: TimeAmount, options: StreamOptions,
        _ initializer: @escaping Initializer
    ) -> EventLoopFuture<any Channel> {
        if let address = try? SocketAddress(ipAddress: host, port: port) {
            return connect(to: address, on: loop, timeout: timeout, options: options, initializer)
        }
        #if os(Linux)
            if let loop = loop as? EpollLoop {
                return EpollSockets.connect(
                    host: host, port: port, loop: loop, timeout: timeout, options: options, initializer)
            }
        #endif
        return bootstrap(loop, timeout: timeout, options, initializer)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
    }

    private static func bootstrap(
        _ loop: any EventLoop, timeout: TimeAmount, _ options: StreamOptions, _ initializer: @escaping Initializer
    ) -> ClientBootstrap {
        ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelOption(.allowRemoteHalfClosure, value: options.allowsHalfClosure)
            .channelOption(
                .writeBufferWaterMark, value: .init(low: options.writeBufferLow, high: options.writeBufferHigh)
            )
            .channelOption(.recvAllocator, value: allocator)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try initializer(channel) } }
    }

    private static var allocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65536)
    }
}
