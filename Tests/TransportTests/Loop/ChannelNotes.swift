import NIOCore
import Synchronization

@testable import Transport

/// Notes what a channel tells its handler, as words.
final class ChannelNotes: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    struct State {
        var events: [String] = []
        var received = ByteBuffer()
        /// The largest piece that one read delivered.
        var largest = 0
        var waiters: [(isMet: @Sendable (State) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let onRead: @Sendable (ChannelHandlerContext, ByteBuffer) -> Void
    private let onEvent: @Sendable (ChannelHandlerContext, String) -> Void

    init(
        onRead: @escaping @Sendable (ChannelHandlerContext, ByteBuffer) -> Void = { _, _ in },
        onEvent: @escaping @Sendable (ChannelHandlerContext, String) -> Void = { _, _ in }
    ) {
        self.onRead = onRead
        self.onEvent = onEvent
    }

    var events: [String] { state.withLock(\.events) }
    var received: ByteBuffer { state.withLock(\.received) }
    var largest: Int { state.withLock(\.largest) }

    /// Returns once the events and bytes so far are such.
    func until(_ isMet: @escaping @Sendable (State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if isMet(state) { return true }
                state.waiters.append((isMet, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    func until(_ event: String) async {
        await until { $0.events.contains(event) }
    }

    private func note(_ event: String, _ context: ChannelHandlerContext, _ bytes: ByteBuffer? = nil) {
        let met = state.withLock { state in
            state.events.append(event)
            if let bytes {
                state.received.writeImmutableBuffer(bytes)
                state.largest = max(state.largest, bytes.readableBytes)
            }
            let snapshot = state
            let met = state.waiters.filter { $0.isMet(snapshot) }
            state.waiters.removeAll { $0.isMet(snapshot) }
            return met
        }
        for waiter in met { waiter.continuation.resume() }
        onEvent(context, event)
    }

    func handlerAdded(context: ChannelHandlerContext) { note("added", context) }
    func handlerRemoved(context: ChannelHandlerContext) { note("removed", context) }
    func channelRegistered(context: ChannelHandlerContext) { note("registered", context) }
    func channelUnregistered(context: ChannelHandlerContext) { note("unregistered", context) }
    func channelActive(context: ChannelHandlerContext) { note("active", context) }
    func channelInactive(context: ChannelHandlerContext) { note("inactive", context) }
    func channelReadComplete(context: ChannelHandlerContext) { note("complete", context) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { note("error", context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        let text = bytes.readableBytes < 20 ? " " + String(buffer: bytes) : ""
        note("read" + text, context, bytes)
        onRead(context, bytes)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        note(context.channel.isWritable ? "writable" : "unwritable", context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? ChannelEvent {
        case .inputClosed: note("input closed", context)
        case .outputClosed: note("output closed", context)
        case nil: note("event", context)
        }
    }
}
