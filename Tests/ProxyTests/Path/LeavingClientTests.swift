import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// A client that leaves: the ledger is told the truth, whatever the moment.
@Suite("Clients that leave", .timeLimit(.minutes(2)))
struct LeavingClientTests {
    private func route(_ timing: SettlementTiming) -> [TestRoute] { [TestRoute(match: "/x", timing: timing)] }

    @Test("while its payment is verified: nothing is claimed", arguments: [SettlementTiming.before, .after])
    func duringVerify(timing: SettlementTiming) async throws {
        let rail = ScriptedRail(holdsVerify: true, verifiesLocally: false)
        try await withPaywall(route(timing), rail: rail) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x", Payer().pay().line))
            await rail.verifyGate.isReached()
            await client.leave()
            try await rig.barrier()
            rail.verifyGate.open()
            try await rig.barrier()
            #expect(rig.ledger.claims.count == 0 && rig.upstream.runs == 0)
        }
    }

    @Test(
        "while its claim is made: given back, or kept for its return where the value has moved",
        arguments: [
            (SettlementTiming.before, true, "settled/undelivered"), (.before, false, "released/unused"),
            (.after, true, "released/undelivered"), (.after, false, "released/undelivered"),
        ])
    func duringReserve(timing: SettlementTiming, isLocal: Bool, state: String) async throws {
        try await withPaywall(route(timing), rail: isLocal ? mockRail() : ScriptedRail()) { rig in
            let gate = rig.ledger.hold("reserve")
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await gate.isReached()
            await client.leave()
            try await rig.barrier()
            gate.open()
            await rig.ledger.transitions.reaches(1)
            #expect(try await rig.state(of: payment) == state)
            #expect(rig.upstream.runs == 0)
            #expect(try await rig.ask("GET /x", payment.line).status == 200)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("while the rail settles: settled, kept for its return, and the upstream is not asked")
    func duringSettle() async throws {
        let rail = ScriptedRail(holdsSettle: true)
        try await withPaywall(route(.before), rail: rail) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rail.settleGate.isReached()
            await client.leave()
            try await rig.barrier()
            rail.settleGate.open()
            await rig.ledger.transitions.reaches(2)
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            #expect(rig.upstream.runs == 0)
            #expect(try await rig.ask("GET /x", payment.line).status == 200)
            #expect(rail.orders.count == 1 && rig.upstream.runs == 1)
        }
    }

    @Test(
        "while the rail settles, and fails: released or uncertain as if it had stayed",
        arguments: [
            (SettleOutcome.refused(.insufficientFunds, message: nil), "released/unused"),
            (.unavailable(ScriptedRail.failure), "released/unused"), (.unknown(transaction: "0x1"), "uncertain/unused"),
        ])
    func duringFailingSettle(outcome: SettleOutcome, state: String) async throws {
        let rail = ScriptedRail(outcome, holdsSettle: true)
        try await withPaywall(route(.before), rail: rail) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rail.settleGate.isReached()
            await client.leave()
            try await rig.barrier()
            rail.settleGate.open()
            await rig.ledger.transitions.reaches(1)
            #expect(try await rig.state(of: payment) == state)
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test("before: while the upstream works: undelivered, the upstream's connection closed, served on return")
    func beforeHead() async throws {
        try await withPaywall(route(.before), upstream: { $0["x-again"] == nil ? .wait : .bytes(reply("fine")) }) {
            rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("POST /x", payment.line, body: "question"))
            await rig.upstream.requests.reaches(1)
            await client.leave()
            await rig.upstream.closures.reaches(1)
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            let again = payment.line + "X-Again: 1\r\n"
            #expect(try await rig.ask("POST /x", again, body: "another").status == 402)
            #expect(try await rig.ask("POST /x", again, body: "question").status == 200)
            #expect(rig.upstream.runs == 2)
        }
    }

    @Test("after: while the upstream works on a whole request: followed to its head, and charged")
    func afterBeforeHead() async throws {
        for rail in [mockRail(), ScriptedRail()] as [any Rail] {
            try await withPaywall(route(.after), rail: rail, upstream: { _ in .wait }) { rig in
                let payment = Payer().pay()
                let client = try await rig.client()
                try await client.send(request("POST /x", payment.line, body: "question"))
                await rig.upstream.requests.reaches(1)
                await client.leave()
                try await rig.barrier()
                #expect(rig.upstream.closures.count == 0)
                try await rig.upstream.send(reply("fine"))
                _ = await rig.ledger.transitions.first { $0.word == "delivered" }
                #expect(try await rig.state(of: payment) == "settled/delivered")
                #expect(try await rig.ask("POST /x", payment.line, body: "question").status == 402)
                #expect(rig.upstream.runs == 1)
            }
        }
    }

    @Test("after: left behind, an upstream that does not deliver is not paid for", arguments: [true, false])
    func afterNotDelivered(answers: Bool) async throws {
        try await withPaywall(route(.after), upstream: { _ in .wait }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rig.upstream.requests.reaches(1)
            await client.leave()
            try await rig.barrier()
            if answers {
                try await rig.upstream.send(reply("no", status: "500 Oops"))
            } else {
                try await rig.upstream.close()
            }
            await rig.ledger.transitions.reaches(1)
            #expect(try await rig.state(of: payment) == "released/undelivered")
        }
    }

    @Test("after: in the middle of its body: released, the upstream's connection closed")
    func afterMidRequest() async throws {
        try await withPaywall(route(.after)) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("POST /x", payment.line + "Content-Length: 100\r\n") + "half")
            await rig.upstream.heads.reaches(1)
            await client.leave()
            await rig.upstream.closures.reaches(1)
            #expect(try await rig.state(of: payment) == "released/undelivered")
            #expect(rig.upstream.requests.count == 0)
        }
    }

    @Test("before: in the middle of its body: kept, for a body that begins the same")
    func beforeMidRequest() async throws {
        try await withPaywall(route(.before)) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("POST /x", payment.line + "Content-Length: 8\r\n") + "half")
            await rig.upstream.heads.reaches(1)
            await client.leave()
            await rig.upstream.closures.reaches(1)
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            #expect(try await rig.ask("POST /x", payment.line, body: "other 12").status == 402)
            #expect(try await rig.ask("POST /x", payment.line, body: "half 123").status == 200)
        }
    }

    @Test("after: while the answer is settled: settled, and had")
    func duringSettleAfter() async throws {
        let rail = ScriptedRail(holdsSettle: true)
        try await withPaywall(route(.after), rail: rail) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rail.settleGate.isReached()
            await client.leave()
            try await rig.barrier()
            rail.settleGate.open()
            _ = await rig.ledger.transitions.first { $0.word == "delivered" }
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("in the middle of a paid answer: it has had it", arguments: [SettlementTiming.before, .after])
    func midAnswer(timing: SettlementTiming) async throws {
        try await withPaywall(route(timing), upstream: { _ in .wait }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rig.upstream.requests.reaches(1)
            try await rig.upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            _ = try await client.answerHead()
            await client.leave()
            await rig.upstream.closures.reaches(1)
            _ = await rig.ledger.transitions.first { $0.word == "delivered" }
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(try await rig.ask("GET /x", payment.line).status == 402)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("in the middle of a free answer: the upstream's connection is closed")
    func midFreeAnswer() async throws {
        try await withPaywall([.free("/x")], upstream: { _ in .wait }) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x"))
            await rig.upstream.requests.reaches(1)
            try await rig.upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            _ = try await client.answerHead()
            await client.leave()
            await rig.upstream.closures.reaches(1)
        }
    }

    @Test("while an undelivered answer is recorded: kept for its return")
    func duringUndelivered() async throws {
        try await withPaywall(
            route(.before),
            upstream: { $0["x-works"] == nil ? .bytes(reply("no", status: "500 Oops")) : .bytes(reply("fine")) }
        ) { rig in
            let gate = rig.ledger.hold("undelivered")
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await gate.isReached()
            await client.leave()
            try await rig.barrier()
            gate.open()
            try await rig.barrier()
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            #expect(try await rig.ask("GET /x", payment.line + "X-Works: 1\r\n").status == 200)
        }
    }

    @Test("while a redelivery's body is checked: kept, with the same body")
    func duringBodyCheck() async throws {
        try await withPaywall(
            route(.before),
            upstream: { $0["x-works"] == nil ? .bytes(reply("no", status: "500 Oops")) : .bytes(reply("fine")) }
        ) { rig in
            let payment = Payer().pay()
            #expect(try await rig.ask("POST /x", payment.line, body: "question").status == 500)
            let client = try await rig.client()
            try await client.send(request("POST /x", payment.line + "Content-Length: 8\r\n") + "ques")
            _ = await rig.ledger.claims.reaches(2)
            try await rig.barrier()
            await client.leave()
            try await rig.barrier()
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            let works = payment.line + "X-Works: 1\r\n"
            #expect(try await rig.ask("POST /x", works, body: "answers!").status == 402)
            #expect(try await rig.ask("POST /x", works, body: "question").status == 200)
        }
    }

    @Test("before an answer begins that was free: it is used up, for the upstream runs")
    func duringFree() async throws {
        let tier = FreeTier(limit: 1, window: AllowanceWindow(seconds: 86_400))
        let rail = ScriptedRail()
        try await withPaywall(
            [TestRoute(match: "/x", freeTier: tier)], rail: rail, upstream: { _ in .wait }
        ) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x"))
            await rig.upstream.requests.reaches(1)
            await client.leave()
            await rig.upstream.closures.reaches(1)
            #expect(try await rig.ask("GET /x").status == 402)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("before all of a free request had come: nothing is used, for the upstream has half of it")
    func halfOfFree() async throws {
        let tier = FreeTier(limit: 1, window: AllowanceWindow(seconds: 86_400))
        try await withPaywall([TestRoute(match: "/x", freeTier: tier)]) { rig in
            let client = try await rig.client()
            try await client.send("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf")
            await rig.upstream.heads.reaches(1)
            await client.leave()
            await rig.upstream.closures.reaches(1)
            try await rig.barrier()
            #expect(try await rig.ask("GET /x").status == 200)
        }
    }
}
