import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// Requests that are priced by rules, from their head to the upstream.
@Suite("The path of a request under a price table", .timeLimit(.minutes(2)))
struct PriceTablePathTests {
    private static let cheap = Offers.offer(1000)
    private static let dear = Offers.offer(5000)

    /// A header's tier, then a field of the body.
    private static func table(maxBodyBytes: Int = 64, dearest: Bool = false) throws -> TestTable {
        TestTable(
            fields: [.header("x-tier"), .body(["model"])],
            rules: [
                PriceRule(name: "staff", conditions: [.field(0, try .parse("staff"))], amount: 1),
                PriceRule(name: "large", conditions: [.method(["POST"]), .field(1, try .parse("large*"))], amount: 2),
            ],
            offers: [[cheap], [], [dear]], maxBodyBytes: maxBodyBytes, dearest: dearest ? [Offers.offer(9000)] : nil)
    }

    private static func routes(_ table: TestTable) -> [TestRoute] { [TestRoute(match: "/x", offers: [], table: table)] }

    private static let json = "Content-Type: application/json\r\n"

    private func amount(_ answer: TestAnswer) -> String? {
        answer["x-payment-required"]?.split(separator: "\"").dropFirst().first.map(String.init)
    }

    @Test("is asked by the rule that applies, and forwards its body whole")
    func asks() async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes) { rig in
            let answer = try await rig.ask("GET /x")
            #expect(amount(answer) == "1000")
            #expect(try await amount(rig.ask("POST /x", Self.json, body: #"{"model":"small"}"#)) == "1000")
            #expect(try await amount(rig.ask("POST /x", Self.json, body: #"{"model":"large-2"}"#)) == "5000")
            #expect(try await rig.ask("POST /x", "X-Tier: staff\r\n", body: "anything").status == 200)
            let body = #"{"model":"large-2"}"#
            let payment = Payer().pay(try await rig.offer("POST /x", Self.json, body: body))
            #expect(try await rig.ask("POST /x", payment.line + Self.json, body: body).status == 200)
            #expect(rig.upstream.requests.entries.last?.text == body)
            #expect(try await rig.state(of: payment, for: Self.dear) == "settled/delivered")
        }
    }

    @Test("refuses a payment for another rule's price, with the body it is sent with")
    func otherRule() async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes) { rig in
            let payment = Payer().pay(Self.cheap)
            let answer = try await rig.ask("POST /x", payment.line + Self.json, body: #"{"model":"large"}"#)
            #expect(answer.status == 402 && amount(answer) == "5000")
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
            for form in [PaymentForm.v1, .plain] {
                let payment = Payer(form == .v1 ? 2 : 3).pay(Self.cheap, form: form)
                let answer = try await rig.ask("POST /x", payment.line + Self.json, body: #"{"model":"small"}"#)
                #expect(answer.status == 200, "\(form) is bound to the price")
            }
        }
    }

    @Test("refuses a quote for one body with another of the same price")
    func anotherBody() async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes) { rig in
            let body = #"{"model":"small","n":1}"#
            let offer = try await rig.offer("POST /x", Self.json, body: body)
            let line = Payer().pay(offer).line + Self.json
            for other in [#"{"model":"small","n":2}"#, #"{"model":"small","n":1} "#, "{}"] {
                let answer = try await rig.ask("POST /x", line, body: other)
                #expect(answer.status == 402 && amount(answer) == "1000", "\(other)")
            }
            let elsewhere = try await rig.ask("POST /x?n=1", line, body: body)
            #expect(elsewhere.status == 402)
            let bare = try await rig.ask("POST /x", Payer().pay(Self.cheap).line + Self.json, body: body)
            #expect(bare.status == 402, "an offer that was not made for it")
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
            let answer = try await rig.ask("POST /x", line, body: body)
            #expect(answer.status == 200)
            let unbound = try await rig.offer("GET /x")
            #expect(unbound.extra == Self.cheap.extra, "what no body decides is bound to none")
        }
    }

    @Test(
        "refuses what readers would price differently",
        arguments: [
            ("X-Tier: Staff\r\n", "{}", 400), ("X-Tier: a\r\nX-Tier: staff\r\n", "{}", 400),
            ("X_Tier: staff\r\n", "{}", 400),
            (Self.json, #"{"model":"small","model":"large"}"#, 400),
            (Self.json, #"{"model":"small","Model":"large"}"#, 400),
            (Self.json, #"{"model":["large"]}"#, 400), (Self.json, #"{"model":"LARGE"}"#, 400),
            (Self.json, "model=large", 400),
            (Self.json, #"{"model":"small"}{"model":"large"}"#, 400), ("", #"{"model":"small"}"#, 415),
            ("Content-Type: application/x-www-form-urlencoded\r\n", #"{"model":"small"}"#, 415),
            (Self.json + "Content-Encoding: gzip\r\n", #"{"model":"small"}"#, 415),
            (Self.json, #"{"messages":["a message that is longer than the limit of the table"],"model":"a"}"#, 413),
        ])
    func doubts(fields: String, body: String, status: Int) async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes) { rig in
            let payment = Payer().pay(Self.cheap)
            let answer = try await rig.ask("POST /x", payment.line + fields, body: body)
            #expect(answer.status == status, "\(answer.text)")
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
        }
    }

    @Test("does not count a field that is dropped on the way")
    func nominated() async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes) { rig in
            let answer = try await rig.ask("GET /x", "X-Tier: staff\r\nConnection: x-tier\r\n")
            #expect(amount(answer) == "1000")
        }
    }

    @Test("asks the dearest for a body that cannot be read, and streams it on")
    func dearest() async throws {
        let routes = Self.routes(try Self.table(dearest: true))
        try await withPaywall(routes) { rig in
            let body = "model=large&text=" + String(repeating: "x", count: 100_000)
            let answer = try await rig.ask("POST /x", body: body)
            #expect(amount(answer) == "9000")
            #expect(try await amount(rig.ask("POST /x", Self.json, body: body)) == "9000")
            let payment = Payer().pay(Offers.offer(9000))
            #expect(try await rig.ask("POST /x", payment.line + Self.json, body: body).status == 200)
            #expect(rig.upstream.requests.entries.last?.text == body)
        }
    }

    @Test("streams a body on that is longer than the limit, once its fields were seen")
    func longBody() async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes) { rig in
            let body = #"{"model":"large","text":""# + String(repeating: "x", count: 200_000) + #""}"#
            let payment = Payer().pay(Self.dear)
            let answer = try await rig.ask("POST /x", payment.line + Self.json, body: body)
            #expect(answer.status == 200)
            #expect(rig.upstream.requests.entries.last?.text == body)
        }
    }

    @Test("breaks a body off that names its model again, behind what was held")
    func lateRepetition() async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes) { rig in
            let payment = Payer().pay(Self.cheap)
            let client = try await rig.client()
            let start = #"{"model":"small","text":""# + String(repeating: "x", count: 100) + "\","
            let end = #""model":"large"}"#
            let length = "Content-Length: \(start.utf8.count + end.utf8.count)\r\n"
            try await client.send(request("POST /x", payment.line + Self.json + length) + start)
            await rig.upstream.heads.reaches(1)
            try await client.send(end)
            #expect(try await client.answer(to: "POST").status == 400)
            await rig.upstream.closures.reaches(1)
            #expect(rig.upstream.requests.count == 0)
            #expect(try await rig.state(of: payment) == "settled/undelivered")
        }
    }

    @Test("delivers again what was paid for, for the same body only")
    func redelivery() async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes, upstream: RedeliveryTests.failing) { rig in
            let body = #"{"model":"small","n":1}"#
            let payment = Payer().pay(try await rig.offer("POST /x", Self.json, body: body))
            let first = try await rig.ask("POST /x", payment.line + Self.json, body: body)
            #expect(first.status == 500)
            let grant = "Payment-Grant: \(try #require(first["payment-grant"]))\r\nX-Works: yes\r\n"
            let other = try await rig.ask(
                "POST /x", payment.line + grant + Self.json, body: #"{"model":"small","n":2}"#)
            #expect(other.status == 402)
            let again = try await rig.ask("POST /x", payment.line + grant + Self.json, body: body)
            #expect(again.status == 200)
            #expect(rig.upstream.requests.entries.last?.text == body)
        }
    }

    @Test("honours the price of an older file for the body that it was told for")
    func olderTable() async throws {
        let routes = Self.routes(try Self.table())
        try await withPaywall(routes) { rig in
            let large = #"{"model":"large"}"#
            let told = try await rig.offer("POST /x", Self.json, body: large)
            var next = try Self.table()
            next.offers = [[Offers.offer(2000)], [], [Offers.offer(7000)]]
            try await rig.adopt(Self.routes(next))
            #expect(try await amount(rig.ask("POST /x", Self.json, body: large)) == "7000")
            let cheap = Payer().pay(Self.cheap)
            #expect(try await rig.ask("POST /x", cheap.line + Self.json, body: large).status == 402)
            let dear = Payer().pay(told)
            #expect(try await rig.ask("POST /x", dear.line + Self.json, body: large).status == 200)
            rig.clock.advance(61)
            let late = Payer().pay(told, nonce: 2)
            #expect(try await rig.ask("POST /x", late.line + Self.json, body: large).status == 402)
        }
    }

    @Test("honours the price of an hour that has just ended, as long as its offers stand")
    func windows() async throws {
        // The tests begin at 2027-01-15 08:00:00 UTC.
        let window = try #require(TimeWindow("08:00-09:00"))
        let table = TestTable(
            rules: [PriceRule(name: "morning", conditions: [.time([window])], amount: 1)],
            offers: [[Self.dear], [Self.cheap]])
        try await withPaywall(Self.routes(table)) { rig in
            let answer = try await rig.ask("GET /x")
            #expect(amount(answer) == "1000")
            rig.clock.advance(3600)
            #expect(try await amount(rig.ask("GET /x")) == "5000")
            #expect(
                try await rig.ask("GET /x", Payer().pay(Self.cheap, validBefore: Offers.start + 7200).line).status
                    == 200)
            rig.clock.advance(60)
            let late = Payer().pay(Self.cheap, nonce: 2, validBefore: Offers.start + 7200)
            #expect(try await rig.ask("GET /x", late.line).status == 402)
        }
    }
}
