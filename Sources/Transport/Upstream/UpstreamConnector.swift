import NIOCore
import NIOPosix

/// Makes the channels of a pool.
final class UpstreamConnector {
    let configuration: UpstreamConfiguration
    let eventLoop: any EventLoop
    private let server: UpstreamServer
    /// Which address is tried first, so that all are used.
    private var turn = 0

    init(configuration: UpstreamConfiguration, eventLoop: any EventLoop, server: UpstreamServer) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.server = server
    }

    /// Connects a channel whose last handler the attempt puts in; with TLS, once the handshake is over.
    func connect(_ attempt: UpstreamAttempt) -> EventLoopFuture<any Channel> {
        UpstreamDial(self, attempt, addresses: addresses()).start()
    }

    /// The addresses of the server, another one first each time.
    private func addresses() -> [SocketAddress] {
        guard case .host(let host, let port) = configuration.address else { return [] }
        if let address = try? SocketAddress(ipAddress: host, port: port) { return [address] }
        let known = server.addresses
        guard known.count > 1 else { return known }
        turn = (turn + 1) % known.count
        return Array(known[turn...] + known[..<turn])
    }

    /// Connects to an address of the server; without one, to whatever the configuration names.
    func open(
        _ address: SocketAddress?, timeout: TimeAmount, _ initialize: @escaping (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let bound = NIOLoopBound(initialize, eventLoop: eventLoop)
        let options = StreamOptions(
            writeBufferLow: configuration.writeBufferLow, writeBufferHigh: configuration.writeBufferHigh)
        let initializer: StreamSockets.Initializer = { try bound.value($0) }
        if let address {
            return StreamSockets.connect(to: address, on: eventLoop, timeout: timeout, options: options, initializer)
        }
        switch configuration.address {
        case .unix(let path):
            return StreamSockets.connect(path: path, on: eventLoop, timeout: timeout, options: options, initializer)
        case .host(let host, let port):
            return StreamSockets.connect(
                host: host, port: port, on: eventLoop, timeout: timeout, options: options, initializer)
        }
    }

    /// What a failed attempt is to the request that waited for it.
    static func failure(_ error: any Error) -> UpstreamError {
        if let error = error as? UpstreamError { return error }
        if let error = error as? TransportError {
            switch error.code {
            case .certificateExpired, .certificateNotTrusted, .certificateNameMismatch: return .certificateRefused
            case .connectTimeout: return .connectTimeout
            default: return .connectFailed
            }
        }
        return isTimeout(error) ? .connectTimeout : .connectFailed
    }

    private static func isTimeout(_ error: any Error) -> Bool {
        if case ChannelError.connectTimeout = error { return true }
        guard let error = error as? NIOConnectionError else { return false }
        return error.connectionErrors.contains { isTimeout($0.error) }
    }
}
