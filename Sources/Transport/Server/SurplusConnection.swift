import NIOCore

/// Ends a connection of a client that has as many as it may.
final class SurplusConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Whether the client hears why; not where it would have to be told under TLS.
    private let answers: Bool
    private var isDone = false

    init(answers: Bool) { self.answers = answers }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { end(context) }
    }

    func channelActive(context: ChannelHandlerContext) { end(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    private func end(_ context: ChannelHandlerContext) {
        guard !isDone else { return }
        isDone = true
        guard answers else { return context.close(promise: nil) }
        var answer = context.channel.allocator.buffer(capacity: 128)
        answer.writeStaticString(Self.answer)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(NIOAny(answer), promise: sent)
    }

    private static let answer: StaticString =
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
}
