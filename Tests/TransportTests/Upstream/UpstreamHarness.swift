import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

/// Notes the events of one upstream answer as text.
final class NotingResponse: ResponseHandler {
    private(set) var events: [String] = []
    /// The final head's bytes.
    private(set) var head = ""
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
        self.head = String(buffer: head.bytes)
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
        let attempt: UpstreamAttempt
        let promise: EventLoopPromise<any Channel>
        private(set) var channel: EmbeddedChannel?
        private let fields = FieldReader()
        /// The field sections that were sent, by stream.
        private(set) var sections: [UInt32: [[String]]] = [:]
        private var hasPreface = false

        init(_ attempt: UpstreamAttempt, _ promise: EventLoopPromise<any Channel>) {
            self.attempt = attempt
            self.promise = promise
        }

        /// Lets the attempt succeed.
        func open(_ loop: EmbeddedEventLoop, speaking spoken: ApplicationProtocol = .http1) throws {
            let channel = EmbeddedChannel(loop: loop)
            self.channel = channel
            try attempt.install(spoken, on: channel)
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

        /// Delivers frames of the upstream as one read event.
        func send(_ body: (inout FrameWriter) -> Void) {
            var writer = FrameWriter()
            body(&writer)
            send(writer.bytes)
        }

        func send(_ bytes: [UInt8]) {
            channel?.pipeline.fireChannelRead(ByteBuffer(bytes: bytes))
            channel?.pipeline.fireChannelReadComplete()
        }

        /// Takes the frames that were flushed; the first time, what stands before them.
        func frames() throws -> [ReceivedFrame] {
            channel?.embeddedEventLoop.run()
            var bytes: [UInt8] = []
            while let piece = try channel?.readOutbound(as: ByteBuffer.self) { bytes += piece.readableBytesView }
            if !hasPreface, !bytes.isEmpty {
                hasPreface = true
                #expect(bytes.starts(with: FrameWriter.preface))
                bytes.removeFirst(min(bytes.count, FrameWriter.preface.count))
            }
            let frames = ReceivedFrame.all(bytes)
            for frame in frames where frame.type == 1 {
                sections[frame.stream, default: []].append(fields.read(frame.payload))
            }
            return frames
        }

        /// Takes the frames that were flushed, in short.
        func shorts() throws -> [String] { try frames().map(\.description) }

        var http2: UpstreamHTTP2Connection {
            get throws {
                guard case .http2(let connection)? = attempt.made else { throw ChannelError.operationUnsupported }
                return connection
            }
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
        made = UpstreamPool(configuration, eventLoop: loop) { [unowned self] attempt in
            let promise = loop.makePromise(of: (any Channel).self)
            attempts.append(Attempt(attempt, promise))
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
    func open(speaking spoken: ApplicationProtocol = .http1) throws -> Attempt {
        let attempt = try #require(attempts.last)
        try attempt.open(loop, speaking: spoken)
        return attempt
    }

    /// A server that speaks HTTP/2, or may do so over TLS.
    static func http2(
        _ spoken: UpstreamProtocol = .http2, isSecure: Bool = false,
        _ change: (inout UpstreamConfiguration) -> Void = { _ in }
    ) throws -> UpstreamHarness {
        let tls = isSecure ? try UpstreamTLS(.systemTrust) : nil
        return UpstreamHarness {
            $0.protocol = spoken
            $0.tls = tls
            change(&$0)
        }
    }

    /// Opens the latest attempt as HTTP/2, and takes the first frames of both sides off.
    func openHTTP2(_ settings: [(UInt16, UInt32)] = []) throws -> Attempt {
        let attempt = try open(speaking: .http2)
        attempt.send {
            $0.settings(settings)
            $0.settingsAck()
        }
        return attempt
    }

    /// Sweeps as if so much time had passed.
    func pass(_ time: TimeAmount) throws {
        let sweep = try pool.sweep
        sweep.sweep(now: sweep.now + time)
    }
}
