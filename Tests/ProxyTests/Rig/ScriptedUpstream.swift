import NIOCore
import NIOPosix
import Synchronization

/// An upstream whose answers a test writes byte by byte, and which counts its runs.
final class ScriptedUpstream: Sendable {
    struct Request: Sendable {
        /// Counted from 1 in the order of acceptance.
        let connection: Int
        let head: String
        let body: [UInt8]

        var line: String { FieldLines(head).start }
        subscript(name: String) -> String? { FieldLines(head)[name] }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// What to do about a complete request.
    enum Reply: Sendable {
        case bytes(String)
        /// Bytes, then the end of the connection.
        case last(String)
        case close
        /// The test answers with `send`.
        case wait
    }

    /// The head of every request that began: the runs.
    let heads = Notebook<String>()
    /// Every request that arrived whole.
    let requests = Notebook<Request>()
    /// Connections that the other side has closed.
    let closures = Notebook<Int>()
    let port: Int

    private let held = HeldPort()
    private let listener: any Channel
    private let channels: Channels

    private final class Channels: Sendable {
        let list = Mutex<[any Channel]>([])
    }

    /// - Parameter readsBodies: Whether bytes behind a head are read, or left in the socket.
    init(readsBodies: Bool = true, _ script: @escaping @Sendable (Request) -> Reply) async throws {
        let channels = Channels()
        let (heads, requests, closures) = (heads, requests, closures)
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                let number = channels.list.withLock { list in
                    list.append(channel)
                    return list.count
                }
                return channel.eventLoop.makeCompletedFuture {
                    let handler = Handler(
                        number, heads: heads, requests: requests, closures: closures,
                        readsBodies: readsBodies, script: script)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: held.port).get()
        port = listener.localAddress?.port ?? 0
        self.channels = channels
    }

    /// How often the upstream was asked.
    var runs: Int { heads.count }

    private func channel(_ connection: Int) -> any Channel {
        channels.list.withLock { $0[connection - 1] }
    }

    /// Sends bytes on a connection, counted from 1.
    func send(_ text: String, on connection: Int = 1) async throws {
        try await channel(connection).writeAndFlush(ByteBuffer(string: text))
    }

    func close(_ connection: Int = 1) async throws { try await channel(connection).close() }

    /// Reads what was left in the socket.
    func readOn(_ connection: Int = 1) async throws {
        try await channel(connection).setOption(.autoRead, value: true).get()
    }

    func stop() async {
        try? await listener.close()
        for channel in channels.list.withLock({ $0 }) { try? await channel.close() }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let number: Int
        private let heads: Notebook<String>
        private let requests: Notebook<Request>
        private let closures: Notebook<Int>
        private let readsBodies: Bool
        private let script: @Sendable (Request) -> Reply
        private var reader = MessageReader()
        private var head: String?

        init(
            _ number: Int, heads: Notebook<String>, requests: Notebook<Request>, closures: Notebook<Int>,
            readsBodies: Bool, script: @escaping @Sendable (Request) -> Reply
        ) {
            self.number = number
            self.heads = heads
            self.requests = requests
            self.closures = closures
            self.readsBodies = readsBodies
            self.script = script
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            reader.append(bytes.readableBytesView)
            while take(context) {}
        }

        private func take(_ context: ChannelHandlerContext) -> Bool {
            if head == nil, let next = reader.takeHead() {
                head = next
                heads.note(next)
                if !readsBodies { context.channel.setOption(.autoRead, value: false).whenComplete { _ in } }
            }
            guard let head, let body = reader.takeBody(FieldLines(head).framing ?? .none) else { return false }
            self.head = nil
            let request = Request(connection: number, head: head, body: body)
            requests.note(request)
            switch script(request) {
            case .bytes(let text): send(text, context)
            case .last(let text):
                send(text, context)
                context.close(promise: nil)
            case .close: context.close(promise: nil)
            case .wait: break
            }
            return true
        }

        private func send(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { closures.note(number) }
    }
}

/// A complete answer of known length.
func reply(_ body: String, status: String = "200 OK", _ fields: String...) -> String {
    let lines = fields.map { $0 + "\r\n" }.joined()
    return "HTTP/1.1 \(status)\r\n\(lines)content-length: \(body.utf8.count)\r\n\r\n\(body)"
}
