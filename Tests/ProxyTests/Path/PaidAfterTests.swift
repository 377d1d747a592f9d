import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// The whole path of a route that settles once the upstream has delivered.
@Suite("Settled after the upstream's head", .timeLimit(.minutes(2)))
struct PaidAfterTests {
    static let route = [TestRoute(match: "/x", timing: .after)]

    @Test("the answer waits for the settlement, and carries its receipt")
    func held() async throws {
        let rail = ScriptedRail(.settled(transaction: "0xabc", payer: nil), holdsSettle: true)
        try await withPaywall(Self.route, rail: rail) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("POST /x", payment.line, body: "question"))
            await rail.settleGate.isReached()
            #expect(rig.upstream.requests.entries.map(\.text) == ["question"])
            #expect(try await rig.state(of: payment) == "settling/forwarding")
            rail.settleGate.open()
            let answer = try await client.answer()
            #expect(answer.status == 200 && answer.text == "fine")
            #expect(try receipt(answer).transaction == "0xabc")
            #expect(
                rig.ledger.transitions.entries.map(\.state) == [
                    "settling/forwarding", "settled/forwarding", "settled/delivered",
                ])
        }
    }

    @Test("a rail that needs nobody settles in one step")
    func local() async throws {
        try await withPaywall(Self.route) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 200)
            #expect(try receipt(answer).success)
            #expect(rig.ledger.transitions.entries.map(\.state) == ["settled/forwarding", "settled/delivered"])
        }
    }

    @Test("a status that is not charged for: the answer goes out, the claim is given back")
    func notCharged() async throws {
        let rail = ScriptedRail()
        try await withPaywall(Self.route, rail: rail, upstream: { _ in .bytes(reply("no", status: "404 No")) }) { rig in
            let payment = Payer().pay()
            for _ in 0..<2 {
                let answer = try await rig.ask("GET /x", payment.line)
                #expect(answer.status == 404 && answer.text == "no" && answer["payment-response"] == nil)
                #expect(try await rig.state(of: payment) == "released/undelivered")
            }
            #expect(rail.orders.count == 0)
        }
    }

    @Test("charge_on decides what is charged for")
    func chargeOn() async throws {
        let route = TestRoute(
            match: "/x", timing: .after, chargeOn: ChargePolicy(statuses: StatusSet(classes: [2], codes: [404])))
        try await withPaywall([route], upstream: { _ in .bytes(reply("no", status: "404 No")) }) {
            (rig: PaywallRig) async throws in
            let payment = Payer().pay()
            #expect(try receipt(try await rig.ask("GET /x", payment.line)).success)
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
    }

    @Test(
        "settlement refused or impossible: the answer is withheld, and the payment runs the upstream never again",
        arguments: [
            SettleOutcome.refused(.insufficientFunds, message: nil), .unavailable(ScriptedRail.failure),
        ])
    func forfeited(outcome: SettleOutcome) async throws {
        try await withPaywall(Self.route, rail: ScriptedRail(outcome)) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 402 && !answer.text.contains("fine"))
            #expect(try receipt(answer).success == false)
            #expect(try await rig.state(of: payment) == "written_off/delivered")
            let again = try await rig.ask("GET /x", payment.line)
            #expect(again.status == 402 && again.text.contains("payment_already_used"))
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test(
        "unknown fate: withheld and pending without offers; what the worker learns never opens the request again",
        arguments: [
            (SettleOutcome.settled(transaction: "0xmined", payer: nil), "settled/delivered"),
            (.refused(.transactionFailed, message: nil), "written_off/delivered"),
        ])
    func unknownFate(fate: SettleOutcome, state: String) async throws {
        let rail = ScriptedRail(.unknown(transaction: "0xpending"))
        try await withPaywall(Self.route, rail: rail) { rig in
            let payment = Payer().pay()
            for _ in 0..<2 {
                let answer = try await rig.ask("GET /x", payment.line)
                #expect(answer.status == 402 && answer["payment-required"] == nil && answer["retry-after"] != nil)
                #expect(!answer.text.contains("accepts") && !answer.text.contains("fine"))
                #expect(answer.text.contains("0xpending"))
                #expect(try await rig.state(of: payment) == "uncertain/forwarding")
            }
            rail.reconcile(to: fate)
            await rig.worker(rail).pass()
            #expect(try await rig.state(of: payment) == state)
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 402 && answer.text.contains("payment_already_used"))
            #expect(rig.upstream.runs == 1 && rail.orders.count == 1)
        }
    }

    @Test(
        "an upstream that breaks off while its answer is settled: 502 with receipt and token instead of half an answer")
    func brokenWhileHeld() async throws {
        let rail = ScriptedRail(holdsSettle: true)
        try await withPaywall(
            Self.route, rail: rail,
            upstream: {
                $0["x-try"] == "2" ? .bytes(reply("whole")) : .last("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
            }
        ) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rail.settleGate.isReached()
            await rig.upstream.closures.reaches(1)
            try await rig.barrier()
            rail.settleGate.open()
            let answer = try await client.answer()
            #expect(answer.status == 502 && !answer.text.contains("half"))
            #expect(try receipt(answer).success)
            let grant = try #require(answer["payment-grant"])
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            let again = try await rig.ask("GET /x", payment.line + "Payment-Grant: \(grant)\r\nX-Try: 2\r\n")
            #expect(again.status == 200 && again.text == "whole")
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rail.orders.count == 1)
        }
    }

    @Test("an upstream that cannot be reached: 502, nothing charged")
    func unreachable() async throws {
        try await withPaywall(Self.route) { rig in
            await rig.upstream.stop()
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 502 && answer["payment-response"] == nil)
            #expect(try await rig.state(of: payment) == "released/undelivered")
        }
    }

    @Test("a large answer waits in the upstream's socket, not in memory, while it is settled")
    func largeHeldAnswer() async throws {
        let rail = ScriptedRail(holdsSettle: true)
        let body = String(repeating: "0123456789abcdef", count: 1 << 20)
        try await withPaywall(Self.route, rail: rail, upstream: { _ in .wait }) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x", Payer().pay().line))
            await rig.upstream.requests.reaches(1)
            let written = Notebook<Void>()
            let upstream = rig.upstream
            let writing = Task {
                try await upstream.send(reply(body))
                written.note(())
            }
            await rail.settleGate.isReached()
            try await rig.barrier(50)
            #expect(written.count == 0)
            rail.settleGate.open()
            let answer = try await client.answer()
            #expect(answer.status == 200 && answer.text == body)
            try await writing.value
        }
    }
}
