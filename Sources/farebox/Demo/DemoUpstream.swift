import NIOCore
import NIOPosix
import Synchronization
import Transport

/// An API that knows nothing of payments: it tells the weather of any city.
final class DemoUpstream: Sendable {
    /// How many requests reached it.
    final class Served: Sendable {
        let count = Atomic<Int>(0)
    }

    private let listener: HTTPListener
    private let served: Served

    static func start(group: MultiThreadedEventLoopGroup) async throws(TransportError) -> DemoUpstream {
        let served = Served()
        let listener = try await HTTPListener.bind(
            addresses: [.host("127.0.0.1", port: 0)], group: group
        ) { _ in DemoUpstreamDelegate(served) }
        return DemoUpstream(listener: listener, served: served)
    }

    private init(listener: HTTPListener, served: Served) {
        self.listener = listener
        self.served = served
    }

    var port: Int { listener.localAddresses.first?.port ?? 0 }

    var servedCount: Int { served.count.load(ordering: .relaxed) }

    func stop() async { await listener.drain(timeout: .seconds(1)) }
}

private final class DemoUpstreamDelegate: RequestDelegate {
    private let served: DemoUpstream.Served

    init(_ served: DemoUpstream.Served) { self.served = served }

    func begin(_ stream: ServerStream) -> any RequestHandler {
        served.count.add(1, ordering: .relaxed)
        let target = stream.head.string(stream.head.targetRange)
        let body = ByteBuffer(string: DemoWeather(target: target).body)
        let head = ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        stream.writeHead(head, body: .length(UInt64(body.readableBytes)))
        stream.writeBody(body)
        stream.end(trailers: nil)
        return DemoUpstreamRequest()
    }

    func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? { nil }
}

/// Every request is answered at its head.
private final class DemoUpstreamRequest: RequestHandler {
    func bodyReceived(_ bytes: ByteBuffer) {}
    func requestEnded(trailers: ByteBuffer?) {}
    func responseWritable() {}
    func downstreamClosed(_ reason: StreamClosure) {}
}

/// Weather that is the same every day.
struct DemoWeather: Hashable {
    let city: String
    let celsius: Int

    /// Reads the city from the end of the path.
    init(target: String) {
        let path = target.prefix { $0 != "?" }
        city = String(path.split(separator: "/").last ?? "nowhere")
        celsius = city.utf8.reduce(0) { $0 + Int($1) } % 30
    }

    /// Paths that reach the upstream hold no quote and no backslash: the paywall refuses those.
    var body: String { #"{"city":"\#(city)","celsius":\#(celsius)}"# + "\n" }
}
