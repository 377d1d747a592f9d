import EVM
import Facilitator
import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// The whole path of a route that settles before it forwards.
@Suite("Settled before forwarding", .timeLimit(.minutes(2)))
struct PaidBeforeTests {
    static let route = [TestRoute(match: "/x")]

    @Test("without a payment: 402 with every wire form, an id, and no word to the upstream")
    func unpaid() async throws {
        try await withPaywall(Self.route) { rig in
            let answer = try await rig.ask("GET /x?q=1")
            #expect(answer.status == 402)
            #expect(answer["payment-required"] != nil)
            let plain = try #require(answer["x-payment-required"])
            #expect(plain.contains("amount=\"1000\"") && plain.hasSuffix("expires=\(Offers.start + 60)"))
            #expect(answer["cache-control"] == "no-store")
            #expect(answer.text.contains(#""x402Version":1"#) && answer.text.contains("\"requestId\":\""))
            #expect(rig.upstream.runs == 0)
            #expect(rig.ledger.claims.count == 0)
        }
    }

    @Test(
        "a payment opens its request, whatever form it comes in, and its receipt goes out in the same",
        arguments: [PaymentForm.v2, .v1, .plain])
    func paid(form: PaymentForm) async throws {
        try await withPaywall(
            Self.route, upstream: { _ in .bytes(reply("fine", "Cache-Control: public, max-age=9")) }
        ) { rig in
            let payer = Payer()
            let payment = payer.pay(form: form)
            let answer = try await rig.ask("GET /x", payment.line + "Cookie: a=b\r\n")
            #expect(answer.status == 200 && answer.text == "fine")
            let receipt = try receipt(answer, form: form)
            #expect(receipt.success && receipt.transaction.hasPrefix("0x"))
            #expect(receipt.payer == payer.key.address.checksummed)
            #expect(answer["cache-control"] == "max-age=9, private")
            #expect(answer["vary"] == "PAYMENT-SIGNATURE, X-PAYMENT")
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(try await rig.record(of: payment)?.transaction == receipt.transaction)
            let head = try #require(rig.upstream.heads.entries.first)
            #expect(rig.upstream.runs == 1)
            #expect(!head.lowercased().contains("payment"), "\(head)")
            #expect(FieldLines(head)["cookie"] == "a=b")
        }
    }

    @Test("over a network: claimed, then settled, then forwarded")
    func order() async throws {
        let rail = ScriptedRail(.settled(transaction: "0xabc", payer: "0xpayer"), holdsSettle: true)
        try await withPaywall(Self.route, rail: rail) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rail.settleGate.isReached()
            #expect(try await rig.state(of: payment) == "settling/unused")
            #expect(rig.upstream.runs == 0)
            rail.settleGate.open()
            let answer = try await client.answer()
            #expect(answer.status == 200)
            let receipt = try receipt(answer)
            #expect(receipt.transaction == "0xabc" && receipt.payer == "0xpayer")
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rig.ledger.transitions.entries.map(\.state) == ["settled/forwarding", "settled/delivered"])
            #expect(rail.orders.count == 1 && rig.upstream.runs == 1)
        }
    }

    @Test("a payment that verify refuses: 402 with the reason, nothing claimed")
    func refused() async throws {
        try await withPaywall(Self.route) { rig in
            let payment = Payer().pay(validBefore: Offers.start - 1)
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 402 && answer["payment-required"] != nil)
            #expect(answer.text.contains(ReasonCode.validBefore.rawValue))
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
        }
    }

    @Test("a payment for another price than the route's: 402, nothing claimed")
    func cheaper() async throws {
        let routes = [
            TestRoute(match: "/cheap", offers: [Offers.offer(1)]),
            TestRoute(match: "/dear", offers: [Offers.offer(5000)]),
        ]
        try await withPaywall(routes) { rig in
            for form in [PaymentForm.v2, .v1, .plain] {
                let answer = try await rig.ask("GET /dear", Payer().pay(Offers.offer(1), form: form).line)
                #expect(answer.status == 402)
            }
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
        }
    }

    @Test(
        "a header that is no payment: 402 invalid_payload",
        arguments: ["", "abc", "e30=", "{\"x402Version\":2}", "%%%"])
    func undecodable(value: String) async throws {
        try await withPaywall(Self.route) { rig in
            let answer = try await rig.ask("GET /x", "PAYMENT-SIGNATURE: \(value)\r\n")
            #expect(answer.status == 402)
            #expect(value.isEmpty || answer.text.contains("invalid_"), "\(answer.text)")
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test("two different payments: 400, and neither is claimed")
    func conflicting() async throws {
        try await withPaywall(Self.route) { rig in
            let (one, two) = (Payer().pay(nonce: 1), Payer().pay(nonce: 2))
            for lines in [one.line + two.line, one.line + Payer().pay(nonce: 2, form: .plain).line] {
                let answer = try await rig.ask("GET /x", lines)
                #expect(answer.status == 400)
                #expect(answer.text.contains("conflicting_payments") && answer.text.contains("requestId"))
            }
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
        }
    }

    @Test("the same payment twice in one request counts once")
    func doubled() async throws {
        try await withPaywall(Self.route) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line + payment.line)
            #expect(answer.status == 200 && rig.upstream.runs == 1)
        }
    }

    @Test("a rail that cannot be asked to verify: 503 with Retry-After, nothing claimed")
    func verifyUnavailable() async throws {
        let rail = ScriptedRail(verifiesLocally: false)
        rail.failVerification()
        try await withPaywall(Self.route, rail: rail) { rig in
            let answer = try await rig.ask("GET /x", Payer().pay().line)
            #expect(answer.status == 503 && answer["retry-after"] != nil)
            #expect(answer["payment-required"] == nil)
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
        }
    }

    @Test("more payments than may wait for a rail: 503, nothing claimed")
    func deskFull() async throws {
        let settings = RigSettings(deskLimit: 0)
        try await withPaywall(Self.route, rail: ScriptedRail(verifiesLocally: false), settings: settings) { rig in
            let answer = try await rig.ask("GET /x", Payer().pay().line)
            #expect(answer.status == 503 && rig.ledger.claims.count == 0)
        }
        try await withPaywall(Self.route, rail: ScriptedRail(), settings: settings) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 503)
            #expect(try await rig.state(of: payment) == "released/unused")
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test("a payment verified over the network is claimed only then")
    func verifiedOverNetwork() async throws {
        let rail = ScriptedRail(holdsVerify: true, verifiesLocally: false)
        try await withPaywall(Self.route, rail: rail) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x", Payer().pay().line))
            await rail.verifyGate.isReached()
            #expect(rig.ledger.claims.count == 0)
            rail.verifyGate.open()
            #expect(try await client.answer().status == 200)
        }
    }

    @Test("settle refused: 402, offers, a failed receipt, and the payment may be tried again")
    func settleRefused() async throws {
        let rail = ScriptedRail(
            .refused(.insufficientFunds, message: nil), .settled(transaction: "0x2", payer: nil))
        try await withPaywall(Self.route, rail: rail) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 402 && answer["payment-required"] != nil)
            let receipt = try receipt(answer)
            #expect(!receipt.success && receipt.reason == .insufficientFunds)
            #expect(try await rig.state(of: payment) == "released/unused")
            #expect(rig.upstream.runs == 0)
            #expect(try await rig.ask("GET /x", payment.line).status == 200)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("settle certainly not sent: 503, released")
    func settleUnavailable() async throws {
        try await withPaywall(Self.route, rail: ScriptedRail(.unavailable(ScriptedRail.failure))) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 503 && answer["retry-after"] != nil)
            #expect(try await rig.state(of: payment) == "released/unused")
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test("an unknown fate: settlement_pending with the hash and without offers, until the worker has asked")
    func unknownFate() async throws {
        let rail = ScriptedRail(.unknown(transaction: "0xpending"))
        try await withPaywall(Self.route, rail: rail) { rig in
            let payment = Payer().pay()
            for _ in 0..<2 {
                let answer = try await rig.ask("GET /x", payment.line)
                #expect(answer.status == 402 && answer["retry-after"] != nil)
                #expect(answer["payment-required"] == nil && answer["x-payment-required"] == nil)
                #expect(!answer.text.contains("accepts"))
                #expect(answer.text.contains("settlement_pending") && answer.text.contains("0xpending"))
                let receipt = try receipt(answer)
                #expect(!receipt.success && receipt.transaction == "0xpending")
                #expect(try await rig.state(of: payment) == "uncertain/unused")
            }
            #expect(rail.orders.count == 1 && rig.upstream.runs == 0)
            rail.reconcile(to: .settled(transaction: "0xmined", payer: nil))
            await rig.worker(rail).pass()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 200)
            #expect(try receipt(answer).transaction == "0xmined")
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rail.orders.count == 1 && rig.upstream.runs == 1)
        }
    }

    @Test("a claim that is in flight: 409 without offers")
    func inFlight() async throws {
        try await withPaywall(Self.route, upstream: { _ in .wait }) { rig in
            let payment = Payer().pay()
            let first = try await rig.client()
            try await first.send(request("GET /x", payment.line))
            await rig.upstream.requests.reaches(1)
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 409 && answer["retry-after"] != nil)
            #expect(answer["payment-required"] == nil && answer.text.contains("payment_in_flight"))
            try await rig.upstream.send(reply("late"))
            #expect(try await first.answer().text == "late")
            let third = try await rig.ask("GET /x", payment.line)
            #expect(third.status == 402 && third.text.contains("payment_already_used"))
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("HEAD is paid as GET is, and opens nothing else")
    func head() async throws {
        try await withPaywall(
            [TestRoute(match: "GET /x")],
            upstream: { $0.line.hasPrefix("HEAD") ? .bytes("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n") : .wait }
        ) { rig in
            #expect(try await rig.ask("HEAD /x").status == 402)
            let payment = Payer().pay()
            let answer = try await rig.ask("HEAD /x", payment.line)
            #expect(answer.status == 200 && answer["content-length"] == "4" && answer.body.isEmpty)
            #expect(try receipt(answer).success)
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(try await rig.ask("GET /x", payment.line).status == 402)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("a payment on a free route is stripped, and neither claimed nor settled")
    func freeRoute() async throws {
        try await withPaywall([.free("/free")]) { rig in
            let answer = try await rig.ask("GET /free", Payer().pay().line)
            #expect(answer.status == 200 && answer["payment-response"] == nil)
            #expect(rig.ledger.claims.count == 0)
            #expect(rig.upstream.heads.entries.allSatisfy { !$0.lowercased().contains("payment") })
        }
    }

    @Test("a seller's claim never opens a route, though the terms are the same")
    func sellersClaim() async throws {
        try await withPaywall(Self.route) { rig in
            let payment = Payer().pay()
            let identity = try #require(PaymentIdentity(of: payment, for: Offers.offer()))
            let claim = Claim(
                identity: identity, owner: .seller(SellerBinding(seller: "key", call: .zero)), adapter: "mock",
                form: .v2, timing: .before, scheme: "exact",
                network: Offers.network, asset: .address(Offers.asset.address), amount: UInt256(1000),
                payTo: .address(Offers.seller), payer: "payer", validBefore: Offers.validBefore)
            await withCheckedContinuation { done in
                rig.ledger.inner.reserve(
                    ReserveRequest(
                        claim: claim, opening: .settled(transaction: "0x1", forwardingUntil: nil), now: rig.clock.now)
                ) { _ in done.resume() }
            }
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 402 && answer.text.contains("payment_already_used"))
            #expect(rig.upstream.runs == 0)
        }
    }
}
