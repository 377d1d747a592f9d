import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

/// Notes the events of one upstream answer as text.
final class NotingResponse: ResponseHandler {
    private(set) var events: [String] = []
    var request: UpstreamRequest?
    var onHead: (() -> Void)?
    var onSwitch: (() -> Void)?
    var onBody: (() -> Void)?
    var onEnd: (() -> Void)?
    var onFailure: (() -> Void)?

    func informational(_ head: ResponseHead) {
        events.append("interim \(head.status)")
    }

    func responseHead(_ head: ResponseHead) {
        events.append("head \(head.status)")
        onHead?()
    }

    func switchedProtocols(_ head: ResponseHead) {
        events.append("switched \(head.status)")
        onSwitch?()
    }

    func responseBody(_ bytes: ByteBuffer) {
        events.append("body \(String(buffer: bytes))")
        onBody?()
    }

    func responseEnded(trailers: ByteBuffer?) {
        events.append(trailers.map { "end \(String(buffer: $0))" } ?? "end")
        onEnd?()
    }

    func upstreamWritable() {
        events.append("writable")
    }

    func readComplete() {
        events.append("complete")
    }

    func upstreamFailed(_ error: UpstreamError) {
        events.append("failed \(error.shortDescription)")
        onFailure?()
    }
}

/// A pool whose connections are embedded channels that the test opens or fails.
final class UpstreamHarness {
    /// One connection the pool asked for.
    final class Attempt {
        let connection: UpstreamConnection
        let promise: EventLoopPromise<any Channel>
        private(set) var channel: EmbeddedChannel?

        init(_ connection: UpstreamConnection, _ promise: EventLoopPromise<any Channel>) {
            self.connection = connection
            self.promise = promise
        }

        /// Lets the attempt succeed.
        func open(_ loop: EmbeddedEventLoop) throws {
            let channel = EmbeddedChannel(loop: loop)
            self.channel = channel
            try channel.pipeline.syncOperations.addHandler(connection)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            promise.succeed(channel)
        }

        /// Delivers bytes of the upstream as one read event.
        func send(_ text: String) {
            channel?.pipeline.fireChannelRead(ByteBuffer(string: text))
            channel?.pipeline.fireChannelReadComplete()
        }

        /// Closes the upstream's side.
        func sendEnd() {
            channel?.close(promise: nil)
        }

        /// Closes the upstream's direction only.
        func sendInputEnd() {
            channel?.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }

        /// Takes what was flushed, piece by piece.
        func pieces() throws -> [String] {
            var pieces: [String] = []
            while let piece = try channel?.readOutbound(as: ByteBuffer.self) { pieces.append(String(buffer: piece)) }
            return pieces
        }

        func received() throws -> String {
            try pieces().joined()
        }

        func setWritable(_ isWritable: Bool) {
            channel?.isWritable = isWritable
            channel?.pipeline.fireChannelWritabilityChanged()
        }

        var isOpen: Bool { channel?.isActive == true }

        var reads: Bool {
            for case (is ChannelOptions.Types.AutoReadOption, let value as Bool) in channel?.options ?? [] {
                return value
            }
            return true
        }
    }

    let loop = EmbeddedEventLoop()
    private(set) var attempts: [Attempt] = []
    private var made: UpstreamPool?
    var pool: UpstreamPool { get throws { try #require(made) } }

    init(_ change: (inout UpstreamConfiguration) -> Void = { _ in }) {
        var configuration = UpstreamConfiguration(name: "u", address: .host("127.0.0.1", port: 1))
        change(&configuration)
        made = UpstreamPool(configuration, eventLoop: loop) { [unowned self] connection in
            let promise = loop.makePromise(of: (any Channel).self)
            attempts.append(Attempt(connection, promise))
            return promise.futureResult
        }
    }

    /// Starts a request and returns its handler.
    func start(
        _ method: Transport.Method = .get, target: String = "/", body: RequestBody = .none, isIdempotent: Bool = true,
        mayUpgrade: Bool = false
    ) throws -> NotingResponse {
        let handler = NotingResponse()
        handler.request = try pool.start(
            ByteBuffer(string: "M \(target) HTTP/1.1\r\nhost: u\r\n"), body: body, isIdempotent: isIdempotent,
            method: method, mayUpgrade: mayUpgrade, handler: handler)
        #expect(handler.events == [], "nothing is told inside start")
        return handler
    }

    /// Opens the latest attempt.
    @discardableResult
    func open() throws -> Attempt {
        let attempt = try #require(attempts.last)
        try attempt.open(loop)
        return attempt
    }

    /// Sweeps as if so much time had passed.
    func pass(_ time: TimeAmount) throws {
        let sweep = try pool.sweep
        sweep.sweep(now: sweep.now + time)
    }
}
