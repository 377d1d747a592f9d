import Facilitator
import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// Balances that are charged what was counted: held at most, posted exactly, never overdrawn.
@Suite("Metered bundles", .timeLimit(.minutes(2)))
struct MeteredBundleTests {
    static let total: UInt64 = 10_000
    static let sale = Offers.offer(total)
    /// What a request may cost at most.
    static let most = Offers.offer(2000)

    static func route(servesOnLess: Bool = false, _ usage: [String: String] = [:]) throws -> TestRoute {
        var route = try MeteringTests.route(usage)
        route.offers = [most]
        route.bundle = [sale]
        route.credit = CreditOffer(scope: .route, isBalance: true, servesOnLess: servesOnLess)
        return route
    }

    static func credit(_ rig: PaywallRig, of payment: Payment) async throws -> Credit {
        let identity = try #require(PaymentIdentity(of: payment, for: sale))
        return try #require(try await rig.ledger.credit(identity))
    }

    /// Buys a bundle with its first request; the fields that draw on it again.
    static func buy(_ rig: PaywallRig) async throws -> (payment: Payment, token: String) {
        let payment = Payer().pay(sale)
        let answer = try await rig.ask("GET /x", payment.line)
        #expect(answer.status == 200)
        let token = try #require(answer["payment-grant"])
        return (payment, "Payment-Grant: \(token)\r\n")
    }

    static let counted = reply(#"{"usage":{"prompt_tokens":100,"completion_tokens":40}}"#)

    @Test("are charged by the rules of every charge, the first request as the others", arguments: MeteringTests.rows)
    func rules(_ row: MeteringTests.Row) async throws {
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { _ in
            row.isBroken ? .last(row.answer) : .bytes(row.answer)
        }
        try await withPaywall([try Self.route(row.usage)], upstream: script) { rig in
            let (payment, token) = try await Self.buy(rig)
            try await rig.barrier()
            let first = try await Self.credit(rig, of: payment)
            #expect(first.charged == UInt256(row.due) && first.held == .zero)
            let again = try await rig.ask("GET /x", token)
            #expect(again.status == 200 && again["settlement-overrides"] == nil)
            // What may be charged at most is held while the answer runs; what is small waits for its charge.
            let isSmall = again["content-length"] != nil
            let left = isSmall ? Self.total - 2 * row.due : Self.total - row.due - 2000
            #expect(again["payment-credit"] == "amount=\"\(left)\"" + (isSmall ? ", charged=\"\(row.due)\"" : ""))
            try await rig.barrier()
            let second = try await Self.credit(rig, of: payment)
            #expect(second.charged == UInt256(2 * row.due) && second.held == .zero)
        }
    }

    @Test(
        "give back what was held where nothing was delivered",
        arguments: [
            reply("no", status: "500 No"), reply(""), reply("x", #"settlement-overrides: {"amount":"0"}"#),
        ])
    func nothing(answer: String) async throws {
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = {
            .bytes($0["x-first"] == nil ? answer : Self.counted)
        }
        try await withPaywall([try Self.route()], upstream: script) { rig in
            let payment = Payer().pay(Self.sale)
            let bought = try await rig.ask("GET /x", payment.line + "X-First: 1\r\n")
            let token = try #require(bought["payment-grant"])
            _ = try await rig.ask("GET /x", "Payment-Grant: \(token)\r\n")
            let credit = try await Self.credit(rig, of: payment)
            #expect(credit.charged == UInt256(250) && credit.held == .zero)
        }
    }

    @Test("a payment whose first answer failed is redelivered for its price or not at all", arguments: [false, true])
    func redelivery(servesOnLess: Bool) async throws {
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = {
            .bytes($0["x-first"] == nil ? Self.counted : reply("no", status: "500 No"))
        }
        try await withPaywall([try Self.route(servesOnLess: servesOnLess)], upstream: script) { rig in
            let payment = Payer().pay(Self.sale)
            let bought = try await rig.ask("GET /x", payment.line + "X-First: 1\r\n")
            #expect(bought.status == 500)
            let token = "Payment-Grant: \(try #require(bought["payment-grant"]))\r\n"
            var left = Self.total
            while left >= 2000 {
                #expect(try await rig.ask("GET /x", token).status == 200)
                try await rig.barrier()
                left -= 250
            }
            let runs = rig.upstream.runs
            let again = try await rig.ask("GET /x", payment.line)
            #expect(again.status == (servesOnLess ? 200 : 402))
            #expect(rig.upstream.runs == runs + (servesOnLess ? 1 : 0))
            let credit = try await Self.credit(rig, of: payment)
            #expect(credit.held == .zero && credit.balance == UInt256(left - (servesOnLess ? 250 : 0)))
        }
    }

    @Test("a client that leaves to miss the usage is charged the estimate")
    func leavesInTheMiddle() async throws {
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = {
            $0["x-wait"] == nil ? .bytes(Self.counted) : .wait
        }
        try await withPaywall([try Self.route()], upstream: script) { rig in
            let (payment, token) = try await Self.buy(rig)
            let client = try await rig.client()
            try await client.send(request("GET /x", token + "X-Wait: 1\r\n"))
            await rig.upstream.requests.reaches(2)
            let connection = try #require(rig.upstream.requests.entries.last).connection
            let begun = MeteringTests.chunked("text/event-stream", MeteringTests.content, end: "")
            try await rig.upstream.send(begun, on: connection)
            _ = try await client.answerHead()
            await client.leave()
            await rig.upstream.closures.reaches(1)
            let credit = try await Self.credit(rig, of: payment)
            #expect(credit.charged == UInt256(250 + MeteringTests.estimate) && credit.held == .zero)
        }
    }

    @Test("fifty at once never overdraw, and each that is served is charged what it used", arguments: [false, true])
    func storm(servesOnLess: Bool) async throws {
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { _ in .bytes(Self.counted) }
        try await withPaywall([try Self.route(servesOnLess: servesOnLess)], upstream: script) { rig in
            let (payment, token) = try await Self.buy(rig)
            var served: UInt64 = 1
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 { group.addTask { try await rig.ask("GET /x", token).status } }
                for try await status in group {
                    #expect(status == 200 || status == 402)
                    served += status == 200 ? 1 : 0
                }
            }
            let after = try await Self.credit(rig, of: payment)
            #expect(after.charged == UInt256(served.multipliedReportingOverflow(by: 250).partialValue) || servesOnLess)
            #expect(after.charged <= UInt256(Self.total) && after.held == .zero)
            // One after the other it goes on until what is left is less than what a request may cost, or nothing.
            var last = try await rig.ask("GET /x", token)
            while last.status == 200 { last = try await rig.ask("GET /x", token) }
            let spent = try await Self.credit(rig, of: payment)
            #expect(spent.charged == UInt256(servesOnLess ? Self.total : 8250) && spent.held == .zero)
            #expect(spent.balance == UInt256(servesOnLess ? 0 : 1750))
            #expect(last["payment-required"] != nil)
        }
    }

    @Test("what requests that run hold is nobody else's")
    func held() async throws {
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = {
            $0["x-wait"] == nil ? .bytes(Self.counted) : .wait
        }
        try await withPaywall([try Self.route()], upstream: script) { rig in
            let (payment, token) = try await Self.buy(rig)
            var clients: [TestClient] = []
            for number in 0..<4 {
                let client = try await rig.client()
                try await client.send(request("GET /x", token + "X-Wait: 1\r\n"))
                await rig.upstream.requests.reaches(2 + number)
                clients.append(client)
            }
            let refused = try await rig.ask("GET /x", token)
            #expect(refused.status == 402 && refused.text.contains("credit_in_use"))
            for asked in rig.upstream.requests.entries.dropFirst() {
                try await rig.upstream.send(Self.counted, on: asked.connection)
            }
            for client in clients { #expect(try await client.answer().status == 200) }
            let credit = try await Self.credit(rig, of: payment)
            #expect(credit.charged == UInt256(5 * 250) && credit.held == .zero)
            let again = try await rig.ask("GET /x", token)
            #expect(again.status == 200)
        }
    }
}
