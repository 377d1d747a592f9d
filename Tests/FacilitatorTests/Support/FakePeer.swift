import NIOCore
import NIOPosix
import Primitives
import Synchronization
import Transport
import X402

/// A bridge or a facilitator on a real socket, which answers from a script and remembers what it was asked.
final class FakePeer: Sendable {
    /// What it saw.
    struct Request: Sendable {
        var method: String
        var path: String
        var head: String
        var body: [UInt8]
        /// The caller's port, which tells connections apart.
        var port: Int?

        /// The value of a field.
        func field(_ name: String) -> String? {
            for line in head.split(separator: "\r\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                    return parts[1].drop { $0 == " " }.description
                }
            }
            return nil
        }

        var json: JSONValue { (try? JSONValue.parse(body)) ?? .null }
    }

    /// What it does.
    enum Reply: Sendable {
        case answer(status: Int = 200, String, fields: String = "")
        /// Announces more bytes than it sends, then closes.
        case truncated(String)
        /// Closes without an answer.
        case hangUp
        /// Says nothing until the caller gives up.
        case silence
    }

    private struct State {
        var requests: [Request] = []
        var script: @Sendable (Request) -> Reply = { _ in .answer(status: 404, "{}") }
    }

    private let state = Mutex(State())
    private let listener: Mutex<HTTPListener?> = Mutex(nil)

    /// One loop binds one socket: a second on the same free port could meet a stranger's.
    static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private init() {}

    /// Starts on a free port.
    static func start(_ script: @escaping @Sendable (Request) -> Reply) async throws -> FakePeer {
        let peer = FakePeer()
        peer.answer(script)
        let listener = try await HTTPListener.bind(
            addresses: [.host("127.0.0.1", port: 0)], group: group
        ) { _ in PeerDelegate(peer) }
        peer.listener.withLock { $0 = listener }
        return peer
    }

    func answer(_ script: @escaping @Sendable (Request) -> Reply) {
        state.withLock { $0.script = script }
    }

    func stop() async {
        let listener = listener.withLock { $0 }
        await listener?.drain(timeout: .zero)
    }

    var url: String { "http://127.0.0.1:\(listener.withLock { $0?.localAddresses.first?.port } ?? 0)" }

    var requests: [Request] { state.withLock { $0.requests } }

    fileprivate func reply(to request: Request) -> Reply {
        let script = state.withLock { state in
            state.requests.append(request)
            return state.script
        }
        return script(request)
    }
}

private final class PeerDelegate: RequestDelegate {
    private let peer: FakePeer

    init(_ peer: FakePeer) { self.peer = peer }

    func begin(_ stream: ServerStream) -> any RequestHandler {
        stream.acceptBody()
        return PeerExchange(stream, peer: peer)
    }

    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? { nil }
}

private final class PeerExchange: RequestHandler {
    private let stream: ServerStream
    private let peer: FakePeer
    private var body: [UInt8] = []

    init(_ stream: ServerStream, peer: FakePeer) {
        self.stream = stream
        self.peer = peer
    }

    func bodyReceived(_ bytes: ByteBuffer) { body += bytes.readableBytesView }

    func requestEnded(trailers: ByteBuffer?) {
        let head = stream.head
        let request = FakePeer.Request(
            method: head.string(head.methodRange), path: head.string(head.targetRange),
            head: String(buffer: head.bytes), body: body, port: stream.remoteAddress?.port)
        switch peer.reply(to: request) {
        case .answer(let status, let text, let fields):
            stream.writeHead(
                ByteBuffer(string: "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\n" + fields),
                body: .length(UInt64(text.utf8.count)))
            stream.writeBody(ByteBuffer(string: text))
            stream.end(trailers: nil)
        case .truncated(let text):
            stream.closesAfterResponse = true
            stream.writeHead(
                ByteBuffer(string: "HTTP/1.1 200 OK\r\n"), body: .length(UInt64(text.utf8.count + 100)))
            stream.writeBody(ByteBuffer(string: text))
            stream.flush()
            stream.end(trailers: nil)
        case .hangUp: stream.abort()
        case .silence: break
        }
    }

    func responseWritable() {}
    func downstreamClosed(_ reason: StreamClosure) {}
}
