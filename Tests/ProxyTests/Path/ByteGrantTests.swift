import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// Grants of so many bytes: what goes out is never more than was bought, however many ask at once.
@Suite("Bytes of a grant", .timeLimit(.minutes(2)))
struct ByteGrantTests {
    static let bought: UInt64 = 100

    /// Answers with as many bytes as the request asks for, told beforehand or not.
    static let files: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { request in
        let body = String(repeating: "x", count: Int(request["x-size"] ?? "") ?? 0)
        guard request["x-chunked"] != nil else { return .bytes(reply(body)) }
        return .bytes(MeteringTests.chunked("application/octet-stream", body))
    }

    static func size(_ count: Int, chunked: Bool = false) -> String {
        "X-Size: \(count)\r\n" + (chunked ? "X-Chunked: 1\r\n" : "")
    }

    static func withFiles(_ test: (PaywallRig, Payment) async throws -> Void) async throws {
        var route = TestRoute(match: "/x")
        route.credit = CreditOffer(bytes: bought)
        try await withPaywall([route], upstream: files) { rig in try await test(rig, Payer().pay()) }
    }

    static func token(_ answer: TestAnswer) throws -> String {
        "Payment-Grant: \(try #require(answer["payment-grant"]))\r\n"
    }

    static func left(_ rig: PaywallRig, _ payment: Payment) async throws -> UInt64 {
        let identity = try #require(PaymentIdentity(of: payment, for: Offers.offer()))
        let credit = try #require(try await rig.ledger.credit(identity))
        #expect(credit.bytesHeld == 0)
        return try #require(credit.bytesLeft)
    }

    @Test("an answer whose length is told goes out whole or not at all")
    func known() async throws {
        try await Self.withFiles { rig, payment in
            let first = try await rig.ask("GET /x", payment.line + Self.size(60))
            #expect(first.status == 200 && first.body.count == 60)
            let token = try Self.token(first)
            let tooLong = try await rig.ask("GET /x", token + Self.size(41))
            #expect(tooLong.status == 402 && tooLong.text.contains("credit_too_small"))
            let fits = try await rig.ask("GET /x", token + Self.size(40))
            #expect(fits.status == 200 && fits.body.count == 40)
            let spent = try await rig.ask("GET /x", token + Self.size(1))
            #expect(spent.status == 402 && spent.text.contains("credit_spent"))
            let left = try await Self.left(rig, payment)
            #expect(left == 0)
        }
    }

    @Test("an answer of unknown length is cut behind the last byte", arguments: [39, 40, 41, 400])
    func unknown(count: Int) async throws {
        try await Self.withFiles { rig, payment in
            let first = try await rig.ask("GET /x", payment.line + Self.size(60, chunked: true))
            #expect(first.status == 200 && first.body.count == 60 && first.isWhole)
            let second = try await rig.ask("GET /x", try Self.token(first) + Self.size(count, chunked: true))
            #expect(second.status == 200 && second.body.count == min(count, 40))
            #expect(second.isWhole == (count <= 40))
            try await rig.barrier()
            let left = try await Self.left(rig, payment)
            #expect(left == UInt64(40 - min(count, 40)))
            let state = try await rig.state(of: payment)
            #expect(state == "settled/delivered")
        }
    }

    @Test("what was bought with too small a grant can be had in parts")
    func tooLongAtFirst() async throws {
        try await Self.withFiles { rig, payment in
            let first = try await rig.ask("GET /x", payment.line + Self.size(101))
            #expect(first.status == 502)
            let part = try await rig.ask("GET /x", try Self.token(first) + Self.size(100))
            #expect(part.status == 200 && part.body.count == 100)
        }
    }

    @Test("many at once have no more together than was bought", arguments: [false, true])
    func storm(chunked: Bool) async throws {
        try await Self.withFiles { rig, payment in
            let first = try await rig.ask("GET /x", payment.line + Self.size(1))
            let fields = try Self.token(first) + Self.size(30, chunked: chunked)
            let sent = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<30 {
                    group.addTask {
                        let answer = try await rig.ask("GET /x", fields)
                        return answer.status == 200 ? answer.body.count : 0
                    }
                }
                var sum = 1
                for try await count in group { sum += count }
                return sum
            }
            try await rig.barrier()
            let left = try await Self.left(rig, payment)
            #expect(UInt64(sent) + left == Self.bought && sent > 1)
        }
    }

    @Test("an answer without a body takes none")
    func bodiless() async throws {
        try await Self.withFiles { rig, payment in
            let first = try await rig.ask("GET /x", payment.line + Self.size(10))
            let missing = try await rig.ask("GET /x", try Self.token(first) + Self.size(0))
            #expect(missing.status == 200)
            let head = try await rig.ask("HEAD /x", try Self.token(first) + Self.size(90))
            #expect(head.status == 200)
            let left = try await Self.left(rig, payment)
            #expect(left == 90)
        }
    }
}
