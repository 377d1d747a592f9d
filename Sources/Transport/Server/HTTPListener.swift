package import NIOCore
package import NIOPosix

/// Accepts HTTP/1.1 connections on every loop of a group.
///
/// On Linux each loop has a listening socket of its own for each TCP address (`SO_REUSEPORT`), so that a connection
/// stays on the loop that accepted it. Elsewhere, and for unix sockets, one socket deals its connections out.
package final class HTTPListener: Sendable {
    /// Makes the delegate of one event loop; called on it.
    package typealias DelegateFactory = @Sendable (any EventLoop) -> any RequestDelegate

    /// The addresses bound, with the ports really taken; one for each that was asked for.
    package let localAddresses: [SocketAddress]

    private let channels: [any Channel]
    private let loops: [NIOLoopBound<ServerLoop>]
    private let census: ConnectionCensus

    private init(
        localAddresses: [SocketAddress], channels: [any Channel], loops: [NIOLoopBound<ServerLoop>],
        census: ConnectionCensus
    ) {
        self.localAddresses = localAddresses
        self.channels = channels
        self.loops = loops
        self.census = census
    }

    /// Binds all addresses and starts to accept, or binds none.
    package static func bind(
        addresses: [ListenAddress], group: MultiThreadedEventLoopGroup, limits: ServerLimits = ServerLimits(),
        delegate: @escaping DelegateFactory
    ) async throws(TransportError) -> HTTPListener {
        let points = addresses.map { ListenPoint(address: $0) }
        return try await bind(points: points, group: group, limits: limits, delegate: delegate)
    }

    /// Binds all points and starts to accept, or binds none.
    package static func bind(
        points: [ListenPoint], group: MultiThreadedEventLoopGroup, limits: ServerLimits = ServerLimits(),
        delegate: @escaping DelegateFactory
    ) async throws(TransportError) -> HTTPListener {
        let census = ConnectionCensus(limit: limits.maxConnections)
        var binder = ListenerBinder(group: group, limits: limits)
        var place: ListenAddress?
        do {
            for loop in group.makeIterator() {
                let bound = try await loop.submit {
                    let server = ServerLoop(
                        eventLoop: loop, limits: limits, delegate: delegate(loop), census: census)
                    return NIOLoopBound(server, eventLoop: loop)
                }.get()
                binder.loops.append(bound)
            }
            for point in points {
                place = point.address
                binder.options = point.options
                try await binder.bind(point.address)
            }
        } catch {
            for channel in binder.channels { try? await channel.close() }
            let prefix = place.map { "\($0): " } ?? ""
            throw TransportError(.bindFailed, detail: prefix + String(describing: error))
        }
        return HTTPListener(
            localAddresses: binder.localAddresses, channels: binder.channels, loops: binder.loops, census: census)
    }

    /// The connections open now, over all loops.
    package var openConnections: Int { census.count }

    /// Stops accepting, closes idle connections, lets exchanges finish, then closes what is left.
    ///
    /// Responses written meanwhile say `Connection: close`. Returns when no connection is left.
    package func drain(timeout: Duration) async {
        for channel in channels { try? await channel.close() }
        await withTaskGroup(of: Void.self) { tasks in
            for bound in loops {
                tasks.addTask { await Self.drain(bound, timeout: TimeAmount(timeout)) }
            }
        }
    }

    private static func drain(_ bound: NIOLoopBound<ServerLoop>, timeout: TimeAmount) async {
        let loop = bound.eventLoop
        let drained = loop.flatSubmit { bound.value.drain() }
        let late = loop.scheduleTask(in: timeout) { bound.value.closeAll() }
        try? await drained.get()
        late.cancel()
    }
}

/// Binds the sockets of one listener.
private struct ListenerBinder {
    let group: MultiThreadedEventLoopGroup
    let limits: ServerLimits
    var options = ListenerOptions()
    var loops: [NIOLoopBound<ServerLoop>] = []
    var channels: [any Channel] = []
    var localAddresses: [SocketAddress] = []

    init(group: MultiThreadedEventLoopGroup, limits: ServerLimits) {
        self.group = group
        self.limits = limits
    }

    mutating func bind(_ address: ListenAddress) async throws {
        switch address {
        case .unix(let path):
            let bootstrap = bootstrap(on: group, sharesPort: false)
            let channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            add(channel)
        case .host(let host, let port):
            try await bind(SocketAddress.makeAddressResolvingHost(host, port: port))
        }
    }

    private mutating func bind(_ address: SocketAddress) async throws {
        #if os(Linux)
            guard loops.count > 1 else {
                return add(try await bootstrap(on: group, sharesPort: false).bind(to: address).get())
            }
            // A socket that does not share finds out whether somebody else listens; sharing ones would join silently.
            let probe = try await bootstrap(on: group, sharesPort: false).bind(to: address).get()
            let actual = probe.localAddress ?? address
            try await probe.close()
            for (index, loop) in loops.enumerated() {
                let channel = try await bootstrap(on: loop.eventLoop, sharesPort: true).bind(to: actual).get()
                if index == 0 { add(channel) } else { channels.append(channel) }
            }
        #else
            add(try await bootstrap(on: group, sharesPort: false).bind(to: address).get())
        #endif
    }

    private mutating func add(_ channel: any Channel) {
        channels.append(channel)
        if let address = channel.localAddress { localAddresses.append(address) }
    }

    private func bootstrap(on group: any EventLoopGroup, sharesPort: Bool) -> ServerBootstrap {
        let (loops, options) = (loops, options)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause())
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .writeBufferWaterMark, value: .init(low: limits.writeBufferLow, high: limits.writeBufferHigh)
            )
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65536)
            )
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let bound = loops.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
                    try ServerPipeline(loop: bound.value, options: options).install(on: channel)
                }
            }
        return sharesPort
            ? bootstrap.serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1) : bootstrap
    }
}
