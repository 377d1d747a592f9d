import NIOCore
import NIOPosix
import Synchronization

@testable import Transport

/// A plain server whose answers a test writes byte by byte.
final class ScriptedServer: Sendable {
    /// One request as it arrived, and where it arrived.
    struct Request: Sendable {
        /// Counted from 1 in the order of acceptance.
        let connection: Int
        /// Counted from 1 on its connection.
        let number: Int
        let head: String
        let body: [UInt8]
    }

    /// What to do about a request.
    enum Reply: Sendable {
        case bytes(String)
        /// Bytes, then the end of the connection.
        case last(String)
        case close
        case nothing
    }

    private struct Connections {
        var accepted = 0
        var requests: [Request] = []
        var channels: [any Channel] = []
    }

    let port: Int
    /// The requests in the order of their arrival.
    let arrivals: AsyncStream<Request>
    /// The connections in the order of their acceptance, counted from 1.
    let acceptances: AsyncStream<Int>
    private let listener: any Channel
    private let connections: SharedBox<Connections>
    private let arrived: AsyncStream<Request>.Continuation
    private let accepted: AsyncStream<Int>.Continuation

    /// Listens on a free port of the loopback address.
    init(_ script: @escaping @Sendable (Request) -> Reply) async throws {
        let connections = SharedBox(Connections())
        let (arrivals, arrived) = AsyncStream.makeStream(of: Request.self)
        let (acceptances, accepted) = AsyncStream.makeStream(of: Int.self)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                let number = connections.value.withLock { state in
                    state.accepted += 1
                    state.channels.append(channel)
                    return state.accepted
                }
                accepted.yield(number)
                return channel.eventLoop.makeCompletedFuture {
                    let handler = Handler(connection: number) { request in
                        connections.value.withLock { $0.requests.append(request) }
                        arrived.yield(request)
                        return script(request)
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        listener = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
        (self.connections, self.arrivals, self.arrived) = (connections, arrivals, arrived)
        (self.acceptances, self.accepted) = (acceptances, accepted)
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var acceptedCount: Int { connections.value.withLock { $0.accepted } }
    var requests: [Request] { connections.value.withLock { $0.requests } }

    /// Returns when every connection accepted so far is closed.
    func allClosed() async throws {
        for channel in connections.value.withLock({ $0.channels }) { try await channel.closeFuture.get() }
    }

    func stop() async throws {
        arrived.finish()
        accepted.finish()
        try await listener.close()
        for channel in connections.value.withLock({ $0.channels }) { try? await channel.close() }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let connection: Int
        private let answer: (Request) -> Reply
        private var input: [UInt8] = []
        private var count = 0

        init(connection: Int, answer: @escaping (Request) -> Reply) {
            self.connection = connection
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            input += Array(unwrapInboundIn(data).readableBytesView)
            while let (head, body) = takeRequest() {
                count += 1
                switch answer(Request(connection: connection, number: count, head: head, body: body)) {
                case .bytes(let text): send(text, context)
                case .last(let text):
                    send(text, context)
                    context.close(promise: nil)
                case .close: context.close(promise: nil)
                case .nothing: break
                }
            }
        }

        private func send(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        private func takeRequest() -> (String, [UInt8])? {
            let end = Array("\r\n\r\n".utf8)
            guard let start = input.indices.first(where: { input[$0...].starts(with: end) }) else { return nil }
            let head = String(decoding: input[..<start], as: UTF8.self)
            let lengthLine = head.split(separator: "\r\n").first { $0.hasPrefix("content-length: ") }
            let length = lengthLine.flatMap { Int($0.dropFirst("content-length: ".count)) } ?? 0
            guard input.count >= start + 4 + length else { return nil }
            let body = Array(input[(start + 4)..<(start + 4 + length)])
            input.removeFirst(start + 4 + length)
            return (head, body)
        }
    }
}

/// A value that several threads share.
final class SharedBox<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}

/// Runs a test against a scripted server with a client of its own, and ends both.
func withScriptedServer(
    limits: OutgoingLimits = OutgoingLimits(),
    _ script: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Reply,
    _ test: (ScriptedServer, OutgoingClient) async throws -> Void
) async throws {
    let server = try await ScriptedServer(script)
    let client = try OutgoingClient(group: MultiThreadedEventLoopGroup.singleton, limits: limits)
    do {
        try await test(server, client)
    } catch {
        await client.shutdown()
        try await server.stop()
        throw error
    }
    await client.shutdown()
    try await server.stop()
}

/// A complete answer with a fixed length.
func answer(_ body: String, status: String = "200 OK", _ fields: String...) -> String {
    let lines = fields.map { $0 + "\r\n" }.joined()
    return "HTTP/1.1 \(status)\r\n\(lines)content-length: \(body.utf8.count)\r\n\r\n\(body)"
}
