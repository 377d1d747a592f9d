import NIOCore
import NIOPosix

/// Makes the channels of a pool.
struct UpstreamConnector {
    let configuration: UpstreamConfiguration
    let eventLoop: any EventLoop

    /// Connects a channel whose only handler is `connection`.
    func connect(_ connection: UpstreamConnection) -> EventLoopFuture<any Channel> {
        let bound = NIOLoopBound(connection, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(configuration.connectTimeout)
            .channelOption(
                .writeBufferWaterMark,
                value: .init(low: configuration.writeBufferLow, high: configuration.writeBufferHigh)
            )
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65536)
            )
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
        switch configuration.address {
        case .unix(let path):
            return bootstrap.connect(unixDomainSocketPath: path)
        case .host(let host, let port):
            let bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
            if let address = try? SocketAddress(ipAddress: host, port: port) { return bootstrap.connect(to: address) }
            return bootstrap.connect(host: host, port: port)
        }
    }

    /// What a failed attempt is to the request that waited for it.
    static func failure(_ error: any Error) -> UpstreamError {
        isTimeout(error) ? .connectTimeout : .connectFailed
    }

    private static func isTimeout(_ error: any Error) -> Bool {
        if case ChannelError.connectTimeout = error { return true }
        guard let error = error as? NIOConnectionError else { return false }
        return error.connectionErrors.contains { isTimeout($0.error) }
    }
}
