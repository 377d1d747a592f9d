import EVM
import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// Routes in shadow mode: priced, recorded, and nobody is refused.
@Suite("Shadow mode", .timeLimit(.minutes(2)))
struct ShadowTests {
    private func route(_ change: (inout TestRoute) -> Void = { _ in }) -> [TestRoute] {
        var route = TestRoute(match: "/x")
        route.isShadow = true
        change(&route)
        return [route]
    }

    /// The lines that were written, once there are so many requests in them.
    private func lines(_ rig: PaywallRig, _ requests: UInt64) async throws -> [ShadowLine] {
        await rig.ledger.shadows.wait { (lines: [ShadowLine]) in lines.reduce(0) { $0 + $1.count.requests } >= requests
        }
        return try await rig.ledger.inner.shadow(ShadowQuery(keepsDays: true, keepsClients: true))
    }

    @Test("an unpaid request is served, and its price recorded")
    func unpaid() async throws {
        try await withPaywall(route()) { rig in
            for _ in 0..<3 {
                let answer = try await rig.ask("GET /x")
                #expect(answer.status == 200 && answer.text == "fine")
                #expect(answer["payment-required"] == nil && answer["cache-control"] == nil)
            }
            let lines = try await lines(rig, 3)
            let day = Offers.start / 86_400
            let currency = Currency(network: Offers.network, asset: .address(Offers.asset.address))
            let key = ShadowKey(day: day, route: "/x", client: "127.0.0.1", outcome: .unpaid, currency: currency)
            #expect(lines == [ShadowLine(key, ShadowCount(requests: 3, charged: 3, amount: UInt256(3000)))])
            #expect(rig.ledger.claims.count == 0)
        }
    }

    @Test("a payment is judged, and neither claimed nor forwarded")
    func paid() async throws {
        try await withPaywall(route()) { rig in
            #expect(try await rig.ask("GET /x", Payer().pay().line).status == 200)
            let other = Payer().pay(Offers.offer(1000, to: Offers.otherSeller)).line
            for line in [other, "PAYMENT-SIGNATURE: junk\r\n", "X-PAYMENT: {}\r\n"] {
                #expect(try await rig.ask("GET /x", line).status == 200)
            }
            let lines = try await lines(rig, 4)
            #expect(lines.map(\.key.outcome) == [.paid, .refused])
            #expect(
                lines.map(\.count) == [
                    ShadowCount(requests: 1, charged: 1, amount: UInt256(1000)), ShadowCount(requests: 3),
                ])
            #expect(rig.ledger.claims.count == 0)
            #expect(
                rig.upstream.requests.entries.allSatisfy { $0["payment-signature"] == nil && $0["x-payment"] == nil })
        }
    }

    @Test("what would not have been charged for is no revenue")
    func notCharged() async throws {
        let routes = route { $0.chargeOn = ChargePolicy(leastBytes: 5) }
        let answers = [
            reply("no", status: "404 No"), reply("tiny"), OutcomeTests.chunked(["ti", "ny"]), reply("large enough"),
            OutcomeTests.chunked(["large", "enough"]),
        ]
        let asked = Notebook<Int>()
        try await withPaywall(
            routes,
            upstream: { _ in
                asked.note(1)
                return .bytes(answers[asked.count - 1])
            }
        ) { rig in
            for answer in answers {
                let text = try await rig.ask("GET /x").text
                #expect(answer.contains(text.prefix(2)))
            }
            #expect(
                try await lines(rig, 5).map(\.count) == [ShadowCount(requests: 5, charged: 2, amount: UInt256(2000))])
        }
    }

    @Test("what is free is counted as in earnest, and told to nobody")
    func free() async throws {
        let routes = route { $0.freeTier = FreeTier(limit: 2, window: AllowanceWindow(seconds: 86_400)) }
        try await withPaywall(routes) { rig in
            for _ in 0..<3 {
                let answer = try await rig.ask("GET /x")
                #expect(answer.status == 200 && answer["ratelimit"] == nil)
            }
            let lines = try await lines(rig, 3)
            #expect(lines.map(\.key.outcome) == [.unpaid, .free])
            #expect(
                lines.map(\.count) == [
                    ShadowCount(requests: 1, charged: 1, amount: UInt256(1000)), ShadowCount(requests: 2),
                ])
        }
    }

    @Test("a field that tells clients apart is recorded as a hash")
    func fields() async throws {
        let tier = FreeTier(limit: 1, window: AllowanceWindow(seconds: 86_400), subject: .field("x-api-key"))
        try await withPaywall(route { $0.freeTier = tier }) { rig in
            for key in ["secret-1", "secret-1", "secret-2"] {
                #expect(try await rig.ask("GET /x", "X-Api-Key: \(key)\r\n").status == 200)
            }
            #expect(try await rig.ask("GET /x").status == 200)
            let lines = try await lines(rig, 4)
            let clients = Set(lines.map(\.key.client))
            #expect(clients.count == 3 && clients.contains("no x-api-key"))
            #expect(clients.allSatisfy { !$0.contains("secret") })
        }
    }

    @Test("a request whose price cannot be told is served whole")
    func unpriced() async throws {
        let table = TestTable(
            fields: [.body(["model"])],
            rules: [PriceRule(name: "large", conditions: [.field(0, try .parse("large*"))], amount: 1)],
            offers: [[Offers.offer(1000)], [Offers.offer(5000)]], maxBodyBytes: 64)
        let routes = route {
            $0.table = table; $0.offers = []
        }
        try await withPaywall(routes) { rig in
            let json = "Content-Type: application/json\r\n"
            let bodies = [#"{"model":"large"}"#, "not json", String(repeating: " ", count: 500) + "{}"]
            for body in bodies {
                #expect(try await rig.ask("POST /x", json, body: body).status == 200)
                #expect(rig.upstream.requests.entries.last?.text == body)
            }
            let lines = try await lines(rig, 3)
            #expect(lines.map(\.key.outcome) == [.unpaid, .unpriced])
            #expect(
                lines.map(\.count) == [
                    ShadowCount(requests: 1, charged: 1, amount: UInt256(5000)), ShadowCount(requests: 2),
                ])
        }
    }

    @Test("a metered answer is recorded as what it would have been charged")
    func metered() async throws {
        var route = try MeteringTests.route()
        route.isShadow = true
        let answer = MeteringTests.chunked(
            "text/event-stream", MeteringTests.content, MeteringTests.usage, MeteringTests.done)
        try await withPaywall([route], upstream: { _ in .bytes(answer) }) { rig in
            let answer = try await rig.ask("GET /x")
            #expect(answer.status == 200)
            // 100 for the request, 50 for 100 tokens in, 100 for 40 tokens out.
            #expect(
                try await lines(rig, 1).map(\.count) == [ShadowCount(requests: 1, charged: 1, amount: UInt256(250))])
        }
    }

    @Test("a body that says something else behind what was read is not broken off, whatever its price")
    func changedBody() async throws {
        let table = TestTable(
            fields: [.body(["model"])],
            rules: [PriceRule(name: "none", conditions: [.field(0, try .parse("small"))], amount: 1)],
            offers: [[Offers.offer(1000)], []], maxBodyBytes: 64)
        let routes = route {
            $0.table = table
            $0.offers = []
        }
        let body = #"{"model":"small","text":""# + String(repeating: "x", count: 500) + #"","model":"large"}"#
        try await withPaywall(routes) { rig in
            let answer = try await rig.ask("POST /x", "Content-Type: application/json\r\n", body: body)
            #expect(answer.status == 200)
            #expect(rig.upstream.requests.entries.last?.text == body)
        }
    }

    @Test("what a route would have asked in shadow mode is no offer once it asks in earnest")
    func enforced() async throws {
        try await withPaywall(route()) { rig in
            let cheap = Payer().pay()
            #expect(try await rig.ask("GET /x", cheap.line).status == 200)
            try await rig.adopt([TestRoute(match: "/x", offers: [Offers.offer(5000)])])
            let answer = try await rig.ask("GET /x", cheap.line)
            #expect(answer.status == 402)
            #expect(rig.ledger.claims.count == 0)
        }
    }

    @Test("a ledger that fails refuses nobody, and what was counted is written later")
    func ledgerFails() async throws {
        try await withPaywall(route()) { rig in
            rig.ledger.fail(["shadow"])
            let answer = try await rig.ask("GET /x")
            #expect(answer.status == 200)
            await rig.ledger.shadowFailures.reaches(2)
            rig.ledger.fail([])
            #expect(try await lines(rig, 1).map(\.count.requests) == [1])
        }
    }
}
