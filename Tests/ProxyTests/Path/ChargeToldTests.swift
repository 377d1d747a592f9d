import Facilitator
import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// Where a charge is told that is known only when the answer is over: in the head, in trailers, or at the payment's id.
@Suite("A charge is told", .timeLimit(.minutes(2)))
struct ChargeToldTests {
    static let stream = MeteringTests.chunked(
        "text/event-stream", MeteringTests.content, MeteringTests.usage, MeteringTests.done)

    /// Everything that comes on a connection of its own until it ends.
    static func whole(_ rig: PaywallRig, _ fields: String) async throws -> (head: FieldLines, trailers: FieldLines) {
        let client = try await rig.client()
        try await client.send(request("GET /x", fields))
        let text = String(decoding: await client.bytes(.max), as: UTF8.self)
        let head = try #require(text.firstRange(of: "\r\n\r\n"))
        let last = try #require(text.ranges(of: "\r\n0\r\n").last)
        return (FieldLines(String(text[..<head.lowerBound])), FieldLines("0\r\n" + text[last.upperBound...]))
    }

    @Test("in trailers of a stream, to clients that read them", arguments: [true, false])
    func trailers(readsTrailers: Bool) async throws {
        let route = try MeteringTests.route()
        let fields = readsTrailers ? "Connection: close, TE\r\nTE: trailers\r\n" : "Connection: close\r\n"
        try await withPaywall([route], rail: ScriptedRail(), upstream: { _ in .bytes(Self.stream) }) { rig in
            let (head, trailers) = try await Self.whole(rig, MeteringTests.payment.line + fields)
            let begun = try Receipt.parse(header: try #require(head["payment-response"]))
            #expect(begun.amount == nil && head["trailer"] == (readsTrailers ? "payment-response" : nil))
            guard readsTrailers else { return #expect(trailers["payment-response"] == nil) }
            let told = try Receipt.parse(header: try #require(trailers["payment-response"]))
            #expect(told.amount == UInt256(250) && told.success && told.extra == begun.extra)
        }
    }

    @Test("in trailers of a stream that is paid from a balance")
    func balance() async throws {
        let route = try MeteredBundleTests.route()
        try await withPaywall([route], upstream: { _ in .bytes(Self.stream) }) { rig in
            let (_, token) = try await MeteredBundleTests.buy(rig)
            let (head, trailers) = try await Self.whole(rig, token + "Connection: close, TE\r\nTE: trailers\r\n")
            #expect(head["payment-credit"] == "amount=\"7750\"" && head["trailer"] == "payment-credit")
            #expect(trailers["payment-credit"] == "amount=\"9500\", charged=\"250\"")
        }
    }

    @Test("nothing of a small answer that breaks off is sent or charged, and the failure is told")
    func broken() async throws {
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { _ in
            .last("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it")
        }
        try await withPaywall([try MeteringTests.route()], rail: ScriptedRail(), upstream: script) { rig in
            let answer = try await rig.ask("GET /x", MeteringTests.payment.line)
            #expect(answer.status == 502)
            let record = try await MeteringTests.record(rig)
            #expect(record.state.value == .released)
        }
    }

    @Test("a client that leaves a small answer has had nothing of it")
    func leaves() async throws {
        try await withPaywall([try MeteringTests.route()], rail: ScriptedRail(), upstream: { _ in .wait }) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x", MeteringTests.payment.line))
            await rig.upstream.requests.reaches(1)
            try await rig.upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it")
            try await rig.barrier()
            await client.leave()
            await rig.upstream.closures.reaches(1)
            let record = try await MeteringTests.record(rig)
            #expect(record.state.value == .released)
        }
    }

    @Test("only an answer that says it is small is held", arguments: [65_536, 65_537])
    func limit(size: Int) async throws {
        let body = String(repeating: "x", count: size)
        try await withPaywall([try MeteringTests.route()], rail: ScriptedRail(), upstream: { _ in .bytes(reply(body)) })
        {
            (rig: PaywallRig) async throws in
            let answer = try await rig.ask("GET /x", MeteringTests.payment.line)
            let told = try receipt(answer)
            #expect(answer.text == body && (told.amount == nil) == (size > 65_536))
        }
    }
}
