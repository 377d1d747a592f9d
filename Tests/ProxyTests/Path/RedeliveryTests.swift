import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// What was paid for and not delivered is delivered again, to the payer and for the same request only.
@Suite("Redelivery", .timeLimit(.minutes(2)))
struct RedeliveryTests {
    /// Answers 500 until the request says that the upstream works now.
    @Sendable static func failing(_ request: ScriptedUpstream.Request) -> ScriptedUpstream.Reply {
        request["x-works"] == nil ? .bytes(reply("broken", status: "500 Oops")) : .bytes(reply("fine"))
    }

    /// Pays for a request that is not delivered, and returns the token.
    private func undelivered(
        _ rig: PaywallRig, _ payment: Payment, _ line: String = "GET /x", _ fields: String = "", body: String? = nil
    ) async throws -> String {
        let answer = try await rig.ask(line, payment.line + fields, body: body)
        #expect(answer.status == 500 && answer.text == "broken")
        #expect(try receipt(answer).success)
        #expect(answer["cache-control"] == "private")
        #expect(try await rig.state(of: payment) == "settled/undelivered")
        return try #require(answer["payment-grant"])
    }

    private func grant(_ token: String) -> String { "Payment-Grant: \(token)\r\n" }

    @Test(
        "the token proves it at any time, the address for ten minutes, and the header alone never",
        arguments: [
            (true, Int64(0), true), (true, 3000, true), (false, 0, true), (false, 600, true), (false, 601, false),
        ])
    func proofs(showsToken: Bool, waits: Int64, isServed: Bool) async throws {
        try await withPaywall([TestRoute(match: "/x")], upstream: Self.failing) { rig in
            let payment = Payer().pay()
            let token = try await undelivered(rig, payment)
            rig.clock.advance(waits)
            let answer = try await rig.ask(
                "GET /x", payment.line + (showsToken ? grant(token) : "") + "X-Works: yes\r\n")
            if isServed {
                #expect(answer.status == 200)
                #expect(try receipt(answer).success)
                #expect(try await rig.state(of: payment) == "settled/delivered")
            } else {
                #expect(answer.status == 402 && answer.text.contains("payment_already_used"))
                #expect(try await rig.state(of: payment) == "settled/undelivered")
            }
            #expect(rig.upstream.runs == (isServed ? 2 : 1))
            #expect(rig.upstream.heads.entries.allSatisfy { !$0.lowercased().contains("grant") })
        }
    }

    @Test(
        "behind another proxy all clients have one address, which proves nothing then",
        arguments: ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Via: 1.1 front", "X-Real-IP: 192.0.2.1"])
    func behindProxy(trace: String) async throws {
        try await withPaywall([TestRoute(match: "/x")], upstream: Self.failing) { rig in
            let payment = Payer().pay()
            let token = try await undelivered(rig, payment, "GET /x", trace + "\r\n")
            #expect(try await rig.record(of: payment) != nil)
            #expect(try await rig.ask("GET /x", payment.line + trace + "\r\nX-Works: 1\r\n").status == 402)
            #expect(try await rig.ask("GET /x", payment.line + "X-Works: 1\r\n").status == 402)
            #expect(rig.upstream.runs == 1)
            let answer = try await rig.ask("GET /x", payment.line + trace + "\r\nX-Works: 1\r\n" + grant(token))
            #expect(answer.status == 200)
        }
    }

    @Test("a wrong token proves nothing", arguments: ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
    func wrongToken(token: String) async throws {
        try await withPaywall([TestRoute(match: "/x")], upstream: Self.failing) { rig in
            let payment = Payer().pay()
            _ = try await undelivered(rig, payment)
            rig.clock.advance(1000)
            #expect(try await rig.ask("GET /x", payment.line + grant(token)).status == 402)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test(
        "nothing but the same method, target and body is redelivered",
        arguments: [
            ("PUT /x?a=1", "body"), ("POST /x?a=2", "body"), ("POST /x", "body"), ("POST /y?a=1", "body"),
            ("POST /x?a=1", "bodY"), ("POST /x?a=1", "body and more"), ("POST /x?a=1", "bod"), ("POST /x?a=1", ""),
            ("POST /x?a=1", nil),
        ])
    func otherRequest(line: String, body: String?) async throws {
        try await withPaywall([TestRoute(match: "/x"), TestRoute(match: "/y")], upstream: Self.failing) { rig in
            let payment = Payer().pay()
            let token = try await undelivered(rig, payment, "POST /x?a=1", body: "body")
            let refused = try await rig.ask(line, payment.line + grant(token) + "X-Works: 1\r\n", body: body)
            #expect(refused.status == 402 && refused.text.contains("payment_already_used"))
            #expect(rig.upstream.runs == 1)
            let answer = try await rig.ask(
                "POST /x?a=1", payment.line + grant(token) + "X-Works: 1\r\n", body: "body")
            #expect(answer.status == 200)
            #expect(rig.upstream.requests.entries.map(\.text) == ["body", "body"])
        }
    }

    @Test("another host is another request")
    func otherHost() async throws {
        try await withPaywall([TestRoute(match: "/x")], upstream: Self.failing) { rig in
            let payment = Payer().pay()
            let token = try await undelivered(rig, payment)
            let client = try await rig.client()
            try await client.send("GET /x HTTP/1.1\r\nHost: other.example.com\r\n\(payment.line)\(grant(token))\r\n")
            #expect(try await client.answer().status == 402)
            #expect(rig.upstream.runs == 1)
        }
    }

    /// Pays for an answer that breaks off once its head is out.
    private func brokenOff(_ rig: PaywallRig, _ payment: Payment, body: String?) async throws {
        let client = try await rig.client()
        try await client.send(request("POST /x", payment.line, body: body))
        #expect(try await client.answerHead().start == "HTTP/1.1 200 OK")
        try await rig.upstream.close()
        _ = await rig.ledger.transitions.first { $0.word == "undelivered" }
        #expect(try await rig.state(of: payment) == "settled/undelivered")
    }

    /// Answers by halves until the request says that the upstream works now.
    @Sendable static func halving(_ request: ScriptedUpstream.Request) -> ScriptedUpstream.Reply {
        .bytes(request["x-works"] == nil ? "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf" : reply("fine"))
    }

    @Test("a request that had no body is not redelivered with one", arguments: SettlementTiming.allCases)
    func bodyAdded(timing: SettlementTiming) async throws {
        try await withPaywall([TestRoute(match: "/x", timing: timing)], upstream: Self.halving) { rig in
            let payment = Payer().pay()
            try await brokenOff(rig, payment, body: nil)
            let refused = try await rig.ask("POST /x", payment.line + "X-Works: 1\r\n", body: "dearer question")
            #expect(refused.status == 402)
            #expect(rig.upstream.runs == 1)
            #expect(try await rig.ask("POST /x", payment.line + "X-Works: 1\r\n").status == 200)
        }
    }

    @Test(
        "whatever the timing, an answer that broke off is redelivered for the same body only",
        arguments: SettlementTiming.allCases)
    func otherBody(timing: SettlementTiming) async throws {
        try await withPaywall([TestRoute(match: "/x", timing: timing)], upstream: Self.halving) { rig in
            let payment = Payer().pay()
            try await brokenOff(rig, payment, body: "question")
            #expect(try await rig.ask("POST /x", payment.line + "X-Works: 1\r\n", body: "another").status == 402)
            #expect(rig.upstream.runs == 1)
            #expect(try await rig.ask("POST /x", payment.line + "X-Works: 1\r\n", body: "question").status == 200)
        }
    }

    @Test("a body in chunks is redelivered, in whatever chunks it comes")
    func chunks() async throws {
        try await withPaywall([TestRoute(match: "/x")], upstream: Self.failing) { rig in
            let payment = Payer().pay()
            let token = try await undelivered(rig, payment, "POST /x", body: "hello world")
            let client = try await rig.client()
            let head = request("POST /x", payment.line + grant(token) + "X-Works: 1\r\nTransfer-Encoding: chunked\r\n")
            try await client.send(head + "6\r\nhello \r\n")
            try await client.send("5\r\nworld\r\n0\r\nX-Trailer: 1\r\n\r\n")
            #expect(try await client.answer().status == 200)
            #expect(rig.upstream.requests.entries.last?.text == "hello world")
        }
    }

    @Test("at most as many redeliveries as the route allows, each refused one answered without the upstream")
    func limit() async throws {
        let route = TestRoute(match: "/x", redelivery: RedeliveryPolicy(limit: 2))
        try await withPaywall([route], upstream: Self.failing) { rig in
            let payment = Payer().pay()
            var token = try await undelivered(rig, payment)
            for _ in 0..<2 { token = try await undelivered(rig, payment, "GET /x", grant(token)) }
            let answer = try await rig.ask("GET /x", payment.line + grant(token) + "X-Works: 1\r\n")
            #expect(answer.status == 402)
            #expect(rig.upstream.runs == 3)
        }
    }

    @Test("never two at once, however long the first takes", arguments: [Int64(0), 3000])
    func oneAtATime(waits: Int64) async throws {
        try await withPaywall(
            [TestRoute(match: "/x")],
            upstream: { $0["x-works"] == nil ? .bytes(reply("broken", status: "500 Oops")) : .wait }
        ) { rig in
            let payment = Payer().pay()
            let token = try await undelivered(rig, payment)
            let first = try await rig.client()
            try await first.send(request("GET /x", payment.line + grant(token) + "X-Works: 1\r\n"))
            await rig.upstream.requests.reaches(2)
            rig.clock.advance(waits)
            let second = try await rig.ask("GET /x", payment.line + grant(token))
            #expect(second.status == 409)
            #expect(rig.upstream.runs == 2)
        }
    }

    @Test("a paid request is never sent twice by itself, though its method is idempotent and its connection was stale")
    func noSilentRetry() async throws {
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { request in
            request.line.hasPrefix("GET /free") ? .bytes(reply("fine")) : .close
        }
        for timing in [SettlementTiming.before, .after] {
            let routes = [TestRoute(match: "/x", timing: timing), .free("/free")]
            try await withPaywall(routes, upstream: script) { rig in
                #expect(try await rig.ask("GET /free").status == 200)
                let answer = try await rig.ask("GET /x", Payer().pay().line)
                #expect(answer.status == 502)
                #expect(rig.upstream.heads.entries.count { $0.hasPrefix("GET /x") } == 1)
                #expect((answer["payment-grant"] != nil) == (timing == .before))
            }
        }
    }

    @Test("an upstream that fails without an answer: 502, receipt and token")
    func dead() async throws {
        try await withPaywall(
            [TestRoute(match: "/x")], upstream: { $0["x-works"] == nil ? .close : .bytes(reply("fine")) }
        ) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 502)
            #expect(try receipt(answer).success)
            let token = try #require(answer["payment-grant"])
            #expect(answer.text.contains("upstream_unavailable"))
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            rig.clock.advance(1000)
            let again = try await rig.ask("GET /x", payment.line + grant(token) + "X-Works: 1\r\n")
            #expect(again.status == 200)
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
    }

    @Test("an answer that breaks off in the middle is not delivered, and comes again")
    func brokenOff() async throws {
        let half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"
        try await withPaywall(
            [TestRoute(match: "/x")], upstream: { $0["x-works"] == nil ? .last(half) : .bytes(reply("whole")) }
        ) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 200 && !answer.isWhole)
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            let again = try await rig.ask("GET /x", payment.line + "X-Works: 1\r\n")
            #expect(again.status == 200 && again.text == "whole")
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
    }

    @Test("a body longer than can be held is refused, not run")
    func tooLong() async throws {
        try await withPaywall([TestRoute(match: "/x")], upstream: Self.failing) { rig in
            let payment = Payer().pay()
            let body = String(repeating: "x", count: Int(BodyCheck.maximumBytes) + 1)
            let token = try await undelivered(rig, payment, "POST /x", body: body)
            let answer = try await rig.ask("POST /x", payment.line + grant(token), body: body)
            #expect(answer.status == 402 && rig.upstream.runs == 1)
        }
    }

    @Test("is at the price that was paid, whatever is asked now")
    func recalled() async throws {
        let answers = Notebook<Int>()
        try await withPaywall(
            [TestRoute(match: "/x")],
            upstream: { _ in
                answers.note(1)
                return .bytes(answers.count == 1 ? reply("no", status: "500 No") : reply("fine"))
            }
        ) { rig in
            let payment = Payer().pay()
            let failed = try await rig.ask("GET /x", payment.line)
            let token = try #require(failed["payment-grant"])
            try await rig.adopt([TestRoute(match: "/x", offers: [Offers.offer(5000)])])
            rig.clock.advance(120)
            let other = try await rig.ask("GET /x", Payer().pay(nonce: 2).line)
            #expect(
                other.status == 402 && other["x-payment-required"]?.contains("5000") == true,
                "what nobody paid costs what it costs now")
            let elsewhere = try await rig.ask("GET /x?y", payment.line + "Payment-Grant: \(token)\r\n")
            #expect(elsewhere.status == 402 && elsewhere["x-payment-required"]?.contains("5000") == true)
            let again = try await rig.ask("GET /x", payment.line + "Payment-Grant: \(token)\r\n")
            #expect(again.status == 200 && again.text == "fine")
            let spent = try await rig.ask("GET /x", payment.line + "Payment-Grant: \(token)\r\n")
            #expect(spent.status == 402 && spent["x-payment-required"]?.contains("5000") == true)
            #expect(rig.upstream.runs == 2)
        }
    }
}
