import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An answer as a client sees it.
struct TestAnswer {
    let status: Int
    let head: FieldLines
    let body: [UInt8]
    /// Whether the body came to its end.
    let isWhole: Bool
    /// Statuses of the 1xx heads before it.
    let interim: [Int]

    var text: String { String(decoding: body, as: UTF8.self) }
    subscript(name: String) -> String? { head[name] }
}

/// A client connection whose bytes a test writes itself; used by one task.
final class TestClient {
    private let channel: any Channel
    private var incoming: AsyncStream<[UInt8]>.AsyncIterator
    private var reader = MessageReader()
    private var isClosed = false

    struct Closed: Error {}

    private final class Handler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let arrived: AsyncStream<[UInt8]>.Continuation

        init(_ arrived: AsyncStream<[UInt8]>.Continuation) { self.arrived = arrived }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            arrived.yield(Array(unwrapInboundIn(data).readableBytesView))
        }

        func channelInactive(context: ChannelHandlerContext) { arrived.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    /// - Parameter receiveBuffer: Bytes of the kernel's buffer; nil for its own choice.
    init(port: Int, receiveBuffer: CInt? = nil) async throws {
        let (stream, arrived) = AsyncStream.makeStream(of: [UInt8].self)
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(arrived))
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
                .channelOption(.autoRead, value: false)
        }
        channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        incoming = stream.makeAsyncIterator()
    }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }

    /// Sends without waiting for the bytes to leave; an entry appears when they have.
    func begin(_ bytes: [UInt8]) -> Notebook<Void> {
        let left = Notebook<Void>()
        channel.writeAndFlush(ByteBuffer(bytes: bytes)).whenSuccess { left.note(()) }
        return left
    }

    /// Begins to read; for a client with a small buffer, which does not by itself.
    func startReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    /// Leaves at once: the other side gets a reset, unless it has closed itself.
    func leave() async {
        let channel = channel
        try? await channel.eventLoop.flatSubmit {
            guard let options = channel as? any SocketOptionProvider else {
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            return options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).flatMap { channel.close() }
        }.get()
    }

    func close() async { try? await channel.close() }

    /// Reads the next final answer; throws when the connection ends before its head.
    func answer(to method: String = "GET") async throws -> TestAnswer {
        var interim: [Int] = []
        while true {
            guard let text = reader.takeHead() else {
                guard await readMore() else { throw Closed() }
                continue
            }
            let head = FieldLines(text)
            let status = Int(head.start.split(separator: " ")[1]) ?? 0
            if status < 200 {
                interim.append(status)
                continue
            }
            let hasNone = method == "HEAD" || status == 204 || status == 304
            let framing = hasNone ? .none : head.framing ?? .untilClose
            while true {
                if let body = reader.takeBody(framing, isClosed: isClosed) {
                    return TestAnswer(status: status, head: head, body: body, isWhole: true, interim: interim)
                }
                guard await readMore() else {
                    let part = reader.takePart()
                    return TestAnswer(status: status, head: head, body: part, isWhole: false, interim: interim)
                }
            }
        }
    }

    /// Reads the head of an answer whose body is still to come.
    func answerHead() async throws -> FieldLines {
        while true {
            if let text = reader.takeHead() { return FieldLines(text) }
            guard await readMore() else { throw Closed() }
        }
    }

    /// Reads until so many bytes have come, or the end.
    func bytes(_ count: Int) async -> [UInt8] {
        while reader.rest.count < count, await readMore() {}
        return reader.takePart()
    }

    /// Whether the other side closes without a further byte.
    func isClosedByServer() async -> Bool {
        while await readMore() {}
        return reader.rest.isEmpty
    }

    private func readMore() async -> Bool {
        if isClosed { return false }
        guard let bytes = await incoming.next() else {
            isClosed = true
            return true
        }
        reader.append(bytes)
        return true
    }
}
