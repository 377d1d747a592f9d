import Facilitator
import Ledger
import Testing
import Transport
import X402

@testable import Proxy

/// Calls of gRPC, over HTTP/1.1 framing as the edge hands them on.
@Suite("Calls of gRPC on their path", .timeLimit(.minutes(2)))
struct GRPCPathTests {
    private static let routes = [
        TestRoute(match: "/before"), TestRoute(match: "/after", timing: .after), .free("/free"),
    ]
    private static let call = "Content-Type: application/grpc+proto\r\nTE: trailers\r\ngrpc-timeout: 5S\r\n"

    private static let served =
        "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n"
        + "2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n"

    @Test("unpaid it fails with FAILED_PRECONDITION, the offers in its metadata; the log says 402")
    func unpaid() async throws {
        let pipe = try Pipe()
        let sink = LogSink(descriptor: pipe.writeEnd)
        try await withPaywall(Self.routes, settings: RigSettings(accessLog: sink)) { rig in
            let answer = try await rig.ask("POST /before", Self.call, body: "12345")
            #expect(
                answer.status == 200 && answer["grpc-status"] == "9" && answer["grpc-message"] == "Payment required")
            #expect(answer.head.all("content-type") == ["application/grpc"])
            #expect(answer["payment-required"] != nil && answer["x-payment-required"] != nil)
            #expect(answer.body.isEmpty && rig.upstream.runs == 0)
            #expect(try await rig.ask("POST /nowhere", Self.call)["grpc-status"] == "12")
        }
        sink.close()
        sink.run()
        #expect(pipe.readAll().contains("\"status\":402,"))
    }

    @Test("paid it is served, with its trailers, and the upstream sees what gRPC asks for")
    func paid() async throws {
        try await withPaywall(Self.routes, upstream: { _ in .bytes(Self.served) }) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("POST /before", Self.call + payment.line, body: "12345")
            #expect(answer.status == 200 && answer.text == "hi" && answer["grpc-status"] == nil)
            #expect(try receipt(answer).success)
            #expect(try await rig.state(of: payment) == "settled/delivered")
            let head = FieldLines(try #require(rig.upstream.heads.entries.first))
            #expect(head.all("te") == ["trailers"] && head["grpc-timeout"] == "5S")
        }
    }

    @Test(
        "a head that is already the end of a failed call has not delivered",
        arguments: [("before", "settled/undelivered"), ("after", "released/undelivered")])
    func failed(name: String, state: String) async throws {
        let failure = reply("", "content-type: application/grpc", "grpc-status: 5", "grpc-message: none")
        try await withPaywall(Self.routes, upstream: { _ in .bytes(failure) }) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("POST /\(name)", Self.call + payment.line)
            #expect(answer.status == 200 && answer["grpc-status"] == "5")
            #expect((answer["payment-grant"] != nil) == (name == "before"))
            #expect(try await rig.state(of: payment) == state)
        }
    }

    @Test("to anybody else a field of that name means nothing")
    func otherClients() async throws {
        try await withPaywall(Self.routes, upstream: { _ in .bytes(reply("", "grpc-status: 5")) }) {
            (rig: PaywallRig) async throws in
            let payment = Payer().pay()
            #expect(try await rig.ask("GET /before", payment.line).status == 200)
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
    }

    @Test("an upstream that cannot be reached is UNAVAILABLE, with the token")
    func unavailable() async throws {
        try await withPaywall(Self.routes, upstream: { _ in .close }) { rig in
            let answer = try await rig.ask("POST /before", Self.call + Payer().pay().line)
            #expect(answer.status == 200 && answer["grpc-status"] == "14" && answer["payment-grant"] != nil)
        }
    }
}
