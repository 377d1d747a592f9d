import NIOCore
import Synchronization

@testable import Transport

/// What a forwarder noticed, readable from the test.
final class ForwarderNotes: Sendable {
    struct State {
        var received = 0
        var sent = 0
        var isPaused = false {
            didSet { whilePaused = 0 }
        }
        /// Bytes that came although the flow was paused: since the pause, and the most of any pause.
        private var whilePaused = 0
        private(set) var mostWhilePaused = 0
        var ends: [String] = []

        mutating func count(_ bytes: Int) {
            guard isPaused else { return }
            whilePaused += bytes
            mostWhilePaused = max(mostWhilePaused, whilePaused)
        }

        var waiters: [(isMet: @Sendable (State) -> Bool, continuation: CheckedContinuation<State, Never>)] = []
    }

    private let state = Mutex(State())
    private let pools = Mutex<[NIOLoopBound<UpstreamPool>]>([])

    func update(_ change: @Sendable (inout State) -> Void) {
        let met = state.withLock { state in
            change(&state)
            let snapshot = state
            let met = state.waiters.filter { $0.isMet(snapshot) }
            state.waiters.removeAll { $0.isMet(snapshot) }
            return met.map { ($0.continuation, snapshot) }
        }
        for (continuation, snapshot) in met { continuation.resume(returning: snapshot) }
    }

    func add(_ pool: UpstreamPool) {
        pools.withLock { $0.append(NIOLoopBound(pool, eventLoop: pool.eventLoop)) }
    }

    /// Closes the connections to the upstream.
    func closePools() async {
        for pool in pools.withLock({ $0 }) {
            try? await pool.eventLoop.submit { pool.value.close() }.get()
        }
    }

    /// Waits until the notes meet a condition.
    func wait(_ isMet: @escaping @Sendable (State) -> Bool) async -> State {
        await withCheckedContinuation { continuation in
            update { $0.waiters.append((isMet, continuation)) }
        }
    }
}

/// The smallest proxy on the transport's API: every request goes to one upstream.
final class Forwarder: RequestDelegate {
    let pool: UpstreamPool
    let notes: ForwarderNotes

    init(_ upstream: UpstreamConfiguration, on loop: any EventLoop, notes: ForwarderNotes) {
        pool = UpstreamPool(upstream, eventLoop: loop)
        self.notes = notes
        notes.add(pool)
    }

    func begin(_ stream: ServerStream) -> any RequestHandler {
        ForwardedExchange(stream, pool, notes)
    }

    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? {
        ByteBuffer(string: "HTTP/1.1 \(status) Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }
}

private final class ForwardedExchange: RequestHandler, ResponseHandler {
    private let stream: ServerStream
    private let notes: ForwarderNotes
    private var request: UpstreamRequest?
    private var hasHead = false

    init(_ stream: ServerStream, _ pool: UpstreamPool, _ notes: ForwarderNotes) {
        self.stream = stream
        self.notes = notes
        let head = stream.head
        let body: RequestBody =
            switch head.body {
            case .none, .untilClose: .none
            case .length(let length): .length(length)
            case .chunked: .stream
            }
        var out = ByteBuffer()
        out.writeString("\(head.string(head.methodRange)) \(head.string(head.targetRange)) HTTP/1.1\r\n")
        Self.copyFields(of: head, to: &out)
        request = pool.start(
            out, body: body, isIdempotent: head.method.isIdempotent, method: head.method, handler: self)
        if body != .none { stream.acceptBody() }
    }

    private static func copyFields(of head: some HeadBytes, to out: inout ByteBuffer) {
        for field in head.fields {
            switch field.known {
            case .connection, .contentLength, .transferEncoding, .expect, .keepAlive: break
            default: out.writeImmutableBuffer(head.slice(field.line))
            }
        }
    }

    func bodyReceived(_ bytes: ByteBuffer) {
        notes.update {
            $0.received += bytes.readableBytes
            $0.count(bytes.readableBytes)
        }
        request?.writeBody(bytes)
        request?.flush()
        if request?.isWritable == false {
            stream.pauseBody()
            notes.update { if !$0.isPaused { $0.isPaused = true } }
        }
    }

    func requestEnded(trailers: ByteBuffer?) {
        request?.end(trailers: trailers)
    }

    func responseWritable() {
        request?.resume()
        notes.update { $0.isPaused = false }
    }

    func downstreamClosed(_ reason: StreamClosure) {
        request?.cancel()
        notes.update { $0.ends.append("closed \(reason)") }
    }

    func informational(_ head: ResponseHead) {
        stream.writeInformational(head.bytes)
    }

    func responseHead(_ head: ResponseHead) {
        var out = ByteBuffer(string: "HTTP/1.1 \(head.status) \(head.string(head.reason))\r\n")
        Self.copyFields(of: head, to: &out)
        let body: ResponseBody =
            switch head.body {
            case .none: head.contentLength.map { .length($0) } ?? .none
            case .length(let length): .length(length)
            case .chunked, .untilClose: .stream
            }
        hasHead = true
        stream.writeHead(out, body: body)
    }

    func responseBody(_ bytes: ByteBuffer) {
        notes.update {
            $0.sent += bytes.readableBytes
            $0.count(bytes.readableBytes)
        }
        stream.writeBody(bytes)
        stream.flush()
        if !stream.isWritable {
            request?.pause()
            notes.update { if !$0.isPaused { $0.isPaused = true } }
        }
    }

    func responseEnded(trailers: ByteBuffer?) {
        request = nil
        stream.end(trailers: trailers)
        notes.update { $0.ends.append("end") }
    }

    func upstreamWritable() {
        notes.update { $0.isPaused = false }
        stream.resumeBody()
    }

    func readComplete() {
        stream.flush()
    }

    func upstreamFailed(_ error: UpstreamError) {
        request = nil
        notes.update { $0.ends.append("failed \(error.shortDescription)") }
        if hasHead { return stream.abort() }
        stream.writeHead(ByteBuffer(string: "HTTP/1.1 502 Bad Gateway\r\n"), body: .none)
        stream.end(trailers: nil)
    }
}
