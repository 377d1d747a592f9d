import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// Prices that change while clients hold an older offer.
@Suite("Prices across a reload", .timeLimit(.minutes(2)))
struct GenerationTests {
    @Test("an older offer is honoured in every form until it has expired", arguments: [PaymentForm.v2, .v1, .plain])
    func olderOffer(form: PaymentForm) async throws {
        try await withPaywall([TestRoute(match: "/x", offers: [Offers.offer(1000)])]) { rig in
            try await rig.adopt([TestRoute(match: "/x", offers: [Offers.offer(2000)])])
            #expect(try await rig.ask("GET /x")["x-payment-required"]?.contains("\"2000\"") == true)
            rig.clock.advance(60)
            let old = Payer().pay(Offers.offer(1000), nonce: 1, form: form)
            #expect(try await rig.ask("GET /x", old.line).status == 200)
            #expect(try await rig.record(of: old)?.claim.amount == UInt256(1000))
            let new = Payer().pay(Offers.offer(2000), nonce: 2, form: form)
            #expect(try await rig.ask("GET /x", new.line).status == 200)
            rig.clock.advance(1)
            let late = Payer().pay(Offers.offer(1000), nonce: 3, form: form)
            #expect(try await rig.ask("GET /x", late.line).status == 402)
            #expect(rig.upstream.runs == 2)
        }
    }

    @Test("each offer expires by its own time, not by the longest of its file")
    func ownTime() async throws {
        let long = TestRoute(match: "/long", offers: [Offers.offer(1, timeout: 3000)])
        let routes = [TestRoute(match: "/x", offers: [Offers.offer(1000, timeout: 60)]), long]
        try await withPaywall(routes) { rig in
            try await rig.adopt([TestRoute(match: "/x", offers: [Offers.offer(2000)])])
            rig.clock.advance(61)
            #expect(try await rig.ask("GET /x", Payer().pay(Offers.offer(1000)).line).status == 402)
        }
    }

    @Test("an offer to somebody who is no longer paid does not stand")
    func removedSeller() async throws {
        try await withPaywall([TestRoute(match: "/x", offers: [Offers.offer(1000)])]) { rig in
            try await rig.adopt([TestRoute(match: "/x", offers: [Offers.offer(1000, to: Offers.otherSeller)])])
            #expect(try await rig.ask("GET /x", Payer().pay(Offers.offer(1000)).line).status == 402)
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
        }
    }

    @Test("an older offer opens its own route only")
    func otherRoute() async throws {
        let (cheap, dear) = (Offers.offer(1), Offers.offer(5000))
        try await withPaywall([TestRoute(match: "/a", offers: [cheap]), TestRoute(match: "/b", offers: [dear])]) {
            rig in
            try await rig.adopt([
                TestRoute(match: "/a", offers: [Offers.offer(2)]), TestRoute(match: "/b", offers: [Offers.offer(6000)]),
            ])
            #expect(try await rig.ask("GET /b", Payer().pay(cheap).line).status == 402)
            #expect(try await rig.ask("GET /a", Payer().pay(cheap).line).status == 200)
        }
    }

    @Test("a request under way ends under the file it began with")
    func underWay() async throws {
        try await withPaywall([TestRoute(match: "/x")], upstream: { _ in .wait }) { rig in
            let client = try await rig.client()
            let payment = Payer().pay()
            try await client.send(request("GET /x", payment.line))
            await rig.upstream.requests.reaches(1)
            try await rig.adopt([.free("/y")])
            try await rig.upstream.send(reply("late"))
            #expect(try await client.answer().text == "late")
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(try await rig.ask("GET /x").status == 404)
        }
    }
}
