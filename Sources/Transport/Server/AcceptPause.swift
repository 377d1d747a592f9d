import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Stops accepting for a second when the system has no room for another connection.
///
/// The listening socket stays readable then, so going on would spin.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = Any

    static let length = TimeAmount.seconds(1)

    private var isPaused = false

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        defer { context.fireErrorCaught(error) }
        guard let error = error as? IOError, !isPaused else { return }
        switch error.errnoCode {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: break
        default: return
        }
        isPaused = true
        setReading(false, context.channel)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.length) { [self] in
            isPaused = false
            setReading(true, context.channel)
        }
    }

    private func setReading(_ reads: Bool, _ channel: any Channel) {
        try? channel.syncOptions?.setOption(ChannelOptions.Types.AutoReadOption(), value: reads)
    }
}
