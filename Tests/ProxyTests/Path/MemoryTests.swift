import Facilitator
import Ledger
import NIOCore
import NIOPosix
import Primitives
import Synchronization
import Testing
import Transport
import X402

@testable import Proxy

/// Nothing of an exchange outlives it.
@Suite("Memory of exchanges", .timeLimit(.minutes(2)))
struct MemoryTests {
    /// Remembers every handler that the loop made, without keeping it.
    private final class Watcher: RequestDelegate {
        private struct Weak { weak var handler: (any RequestHandler)? }

        let loop: PaywallLoop
        private var handlers: [Weak] = []

        init(_ loop: PaywallLoop) { self.loop = loop }

        var begun: Int { handlers.count }
        /// Which of them are still there.
        var living: [Int] { handlers.indices.filter { handlers[$0].handler != nil } }

        func begin(_ stream: ServerStream) -> any RequestHandler {
            let handler = loop.begin(stream)
            handlers.append(Weak(handler: handler))
            return handler
        }

        func refused(_ refusal: HeadRefusal, status: Int, remote: SocketAddress?) -> ByteBuffer? { nil }
    }

    @Test("an exchange is gone once it is over, however it ended")
    func released() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let upstream = try await ScriptedUpstream { request in
            switch request["x-how"] {
            case "500": .bytes(reply("no", status: "500 Oops"))
            case "close": .close
            case "half": .last("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
            case "wait": .wait
            default: .bytes(reply("fine"))
            }
        }
        let rail = ScriptedRail(
            .settled(transaction: "0x1", payer: nil), .refused(.insufficientFunds, message: nil),
            .unknown(transaction: nil), .settled(transaction: "0x2", payer: nil))
        let routes = [TestRoute(match: "/x"), TestRoute(match: "/after", timing: .after), .free("/free")]
        let generation = try PaywallRig.generation(routes, upstreamPort: upstream.port, rail: rail)
        let desk = RailDesk()
        let ledger = ScriptedLedger()
        let shared = PaywallShared(ledger: ledger, desk: desk, accessLog: nil, addressKey: .zero) {
            UnixTime(Offers.start)
        }
        let watcher = Mutex<NIOLoopBound<Watcher>?>(nil)
        let listener = try await HTTPListener.bind(addresses: [.host("127.0.0.1", port: 0)], group: group) {
            eventLoop in
            let made = Watcher(PaywallLoop(eventLoop: eventLoop, shared: shared, generation: generation))
            watcher.withLock { $0 = NIOLoopBound(made, eventLoop: eventLoop) }
            return made
        }
        async let running: Void = desk.run()
        let port = listener.localAddresses.first?.port ?? 0

        var nonce: UInt8 = 0
        try await endInEveryWay(port: port, nonce: &nonce)
        try await leaveEarly(port: port, nonce: &nonce, upstream: upstream, ledger: ledger)
        await listener.drain(timeout: .seconds(60))
        desk.close()
        await running
        let bound = try #require(watcher.withLock { $0 })
        let (begun, living) = try await group.next().submit {
            bound.value.loop.close()
            return (bound.value.begun, bound.value.living)
        }.get()
        #expect(begun == 19)
        #expect(living == [])
        await upstream.stop()
        try await group.shutdownGracefully()
    }

    private func endInEveryWay(port: Int, nonce: inout UInt8) async throws {
        for (line, how) in [
            ("GET /free", ""), ("GET /x", ""), ("GET /x", ""), ("GET /x", ""), ("GET /x", ""), ("POST /x", ""),
            ("GET /x", "500"), ("GET /x", "close"), ("GET /x", "half"), ("GET /after", ""), ("POST /after", "500"),
            ("GET /after", "close"), ("GET /free", "close"), ("GET /free", "half"), ("GET /nowhere", ""),
            ("OPTIONS /x", ""),
        ] {
            nonce += 1
            let client = try await TestClient(port: port)
            let body = line.hasPrefix("POST") ? "body" : nil
            let fields = Payer().pay(nonce: nonce).line + "X-How: \(how)\r\n"
            try await client.send(request(line, fields, body: body))
            _ = try await client.answer()
            await client.close()
        }
    }

    private func leaveEarly(
        port: Int, nonce: inout UInt8, upstream: ScriptedUpstream, ledger: ScriptedLedger
    ) async throws {
        for line in ["GET /free", "GET /x", "POST /after"] {
            nonce += 1
            let client = try await TestClient(port: port)
            let before = upstream.requests.count
            let body = line.hasPrefix("POST") ? "body" : nil
            try await client.send(request(line, Payer().pay(nonce: nonce).line + "X-How: wait\r\n", body: body))
            await upstream.requests.reaches(before + 1)
            await client.leave()
            if line == "POST /after" {
                let written = ledger.transitions.count
                try await upstream.send(reply("fine"), on: upstream.requests.entries[before].connection)
                // Settling, settled and delivered.
                await ledger.transitions.reaches(written + 3)
            }
        }
    }
}
