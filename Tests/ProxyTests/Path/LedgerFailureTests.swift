import Facilitator
import Ledger
import Primitives
import Synchronization
import Testing
import X402

@testable import Proxy

/// A ledger that cannot write: paid routes close, and what was promised is written once it can.
@Suite("Ledger failures", .timeLimit(.minutes(2)))
struct LedgerFailureTests {
    @Test(
        "no claim, no service: 503 with Retry-After, free routes go on", arguments: [SettlementTiming.before, .after])
    func reserve(timing: SettlementTiming) async throws {
        try await withPaywall([TestRoute(match: "/x", timing: timing), .free("/free")]) { rig in
            rig.ledger.failReserve()
            let answer = try await rig.ask("GET /x", Payer().pay().line)
            #expect(answer.status == 503 && answer["retry-after"] != nil)
            #expect(answer.text.contains("ledger_unavailable") && answer.text.contains("requestId"))
            #expect(rig.upstream.runs == 0)
            #expect(try await rig.ask("GET /free").status == 200)
            #expect(try await rig.ask("GET /x").status == 402)
            rig.ledger.failReserve(false)
            #expect(try await rig.ask("GET /x", Payer().pay().line).status == 200)
        }
    }

    @Test("before: settled, but not written down: not forwarded, and told so; the worker writes it, and it is served")
    func settledBefore() async throws {
        let rail = ScriptedRail(.settled(transaction: "0xabc", payer: nil))
        try await withPaywall([TestRoute(match: "/x")], rail: rail) { rig in
            rig.ledger.fail(["settled"])
            let payment = Payer().pay()
            let answer = try await rig.ask("POST /x", payment.line, body: "question")
            #expect(answer.status == 503)
            #expect(try receipt(answer).transaction == "0xabc")
            let token = try #require(answer["payment-grant"])
            #expect(try await rig.state(of: payment) == "settling/unused")
            #expect(rig.upstream.runs == 0)
            #expect(try await rig.ask("POST /x", payment.line, body: "question").status == 409)
            rig.ledger.fail([])
            await rig.worker(rail).pass()
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            rig.clock.advance(2000)
            let again = try await rig.ask("POST /x", payment.line + "Payment-Grant: \(token)\r\n", body: "question")
            #expect(again.status == 200)
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rig.upstream.runs == 1 && rail.orders.count == 1)
        }
    }

    @Test("after: the mark cannot be written: the rail is not asked, the answer is withheld")
    func mark() async throws {
        let rail = ScriptedRail()
        try await withPaywall([TestRoute(match: "/x", timing: .after)], rail: rail) { rig in
            rig.ledger.fail(["settle"])
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 503 && !answer.text.contains("fine"))
            #expect(rail.orders.count == 0)
            #expect(try await rig.state(of: payment) == "written_off/delivered")
            #expect(try await rig.ask("GET /x", payment.line).status == 402)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("after, on a rail without value: the claim is on disk, so the answer goes out and the rest is written later")
    func settledLocally() async throws {
        try await withPaywall([TestRoute(match: "/x", timing: .after)]) { rig in
            rig.ledger.fail(["settled"])
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 200 && answer.text == "fine")
            #expect(try await rig.ask("GET /x", payment.line).status == 409)
            rig.ledger.fail([])
            await rig.worker(mockRail()).pass()
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("after: paid, but not written down: what was paid for is delivered, and written once it can be")
    func settledAfter() async throws {
        let rail = ScriptedRail(.settled(transaction: "0xabc", payer: nil))
        try await withPaywall([TestRoute(match: "/x", timing: .after)], rail: rail) { rig in
            rig.ledger.fail(["settled", "delivered"])
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 200 && answer.text == "fine")
            #expect(try receipt(answer).transaction == "0xabc")
            #expect(try await rig.state(of: payment) == "settling/forwarding")
            #expect(try await rig.ask("GET /x", payment.line).status == 409)
            rig.ledger.fail([])
            await rig.worker(rail).pass()
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rig.upstream.runs == 1 && rail.orders.count == 1)
        }
    }

    @Test("undelivered cannot be written: receipt and token go out, and hold once it is")
    func undelivered() async throws {
        try await withPaywall(
            [TestRoute(match: "/x")],
            upstream: { $0["x-works"] == nil ? .bytes(reply("no", status: "500 Oops")) : .bytes(reply("fine")) }
        ) { rig in
            rig.ledger.fail(["undelivered"])
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 503)
            #expect(try receipt(answer).success)
            let token = try #require(answer["payment-grant"])
            #expect(try await rig.ask("GET /x", payment.line).status == 409)
            rig.ledger.fail([])
            await rig.worker(mockRail()).pass()
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            rig.clock.advance(2000)
            let again = try await rig.ask("GET /x", payment.line + "Payment-Grant: \(token)\r\nX-Works: 1\r\n")
            #expect(again.status == 200)
        }
    }

    @Test("delivered cannot be written: the answer is not disturbed, the payment stays closed")
    func delivered() async throws {
        try await withPaywall([TestRoute(match: "/x")]) { (rig: PaywallRig) async throws in
            rig.ledger.fail(["delivered"])
            let payment = Payer().pay()
            #expect(try await rig.ask("GET /x", payment.line).status == 200)
            #expect(rig.shared.failedTransitions.load(ordering: .relaxed) == 1)
            #expect(try await rig.ask("GET /x", payment.line).status == 409)
            rig.ledger.fail([])
            await rig.worker(mockRail()).pass()
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("released cannot be written: the claim stays closed until a restart has asked the rail")
    func released() async throws {
        let rail = ScriptedRail(.refused(.insufficientFunds, message: nil))
        try await withPaywall([TestRoute(match: "/x")], rail: rail) { (rig: PaywallRig) async throws in
            rig.ledger.fail(["released"])
            let payment = Payer().pay()
            #expect(try await rig.ask("GET /x", payment.line).status == 402)
            rig.ledger.fail([])
            await rig.worker(rail).pass()
            #expect(try await rig.state(of: payment) == "settling/unused")
            #expect(try await rig.ask("GET /x", payment.line).status == 409)
            rail.reconcile(to: .refused(.insufficientFunds, message: nil))
            try await rig.worker(rail).recover()
            #expect(try await rig.state(of: payment) == "released/unused")
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test("what is kept is written in order, stops where the ledger fails again, and never grows beyond its limit")
    func backlog() async throws {
        let (ledger, backlog) = (ScriptedLedger(), TransitionBacklog(limit: 3))
        let reference = PaymentReference(identity: PaymentIdentity(key: .zero), row: 1)
        let other = PaymentReference(identity: PaymentIdentity(key: .zero), row: 2)
        #expect(!backlog.keepsInOrder(.delivered, of: reference))
        backlog.keep(.released(reason: "never kept"), of: reference)
        backlog.keep(.settle, of: reference)
        #expect(backlog.count == 0)
        backlog.keep(.owed, of: reference)
        #expect(backlog.keepsInOrder(.delivered, of: reference) && !backlog.keepsInOrder(.delivered, of: other))
        #expect(!backlog.keepsInOrder(.released(reason: "at once"), of: reference))
        backlog.keep(.uncertain(transaction: nil), of: other)
        backlog.keep(.delivered, of: other)
        #expect(backlog.count == 3)
        ledger.fail(["uncertain"])
        await backlog.repeatAll(in: ledger, now: UnixTime(0))
        #expect(ledger.transitions.entries.map(\.word) == ["owed", "delivered", "uncertain"] && backlog.count == 1)
        ledger.fail([])
        await backlog.repeatAll(in: ledger, now: UnixTime(0))
        #expect(backlog.count == 0)
    }
}
