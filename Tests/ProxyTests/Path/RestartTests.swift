import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// What a restart makes of payments that a crash left open, and what their payers get then.
@Suite("Restarts", .timeLimit(.minutes(2)))
struct RestartTests {
    static let paid = SettleOutcome.settled(transaction: "0xmined", payer: nil)
    static let refused = SettleOutcome.refused(.transactionFailed, message: nil)
    static let unknown = SettleOutcome.unknown(transaction: nil)

    @Test(
        "a crash while the rail settles: the rail is asked, and only what moved opens the request",
        arguments: [
            (SettlementTiming.before, paid, "settled/unused", 200, 1), (.before, unknown, "uncertain/unused", 402, 0),
            (.after, paid, "settled/delivered", 402, 1), (.after, refused, "written_off/delivered", 402, 1),
            (.after, unknown, "uncertain/delivered", 402, 1),
        ])
    func duringSettle(
        timing: SettlementTiming, fate: SettleOutcome, state: String, status: Int, runs: Int
    ) async throws {
        let rail = ScriptedRail(holdsSettle: true)
        try await withPaywall([TestRoute(match: "/x", timing: timing)], rail: rail) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rail.settleGate.isReached()
            rail.reconcile(to: fate)
            try await rig.worker(rail).recover()
            #expect(try await rig.state(of: payment) == state)
            #expect(try await rig.ask("GET /x", payment.line).status == status)
            #expect(rig.upstream.runs == runs)
        }
    }

    @Test("a crash while the rail settles what then did not move: released, to be claimed anew")
    func released() async throws {
        let rail = ScriptedRail(holdsSettle: true)
        try await withPaywall([TestRoute(match: "/x")], rail: rail) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rail.settleGate.isReached()
            rail.reconcile(to: Self.refused)
            try await rig.worker(rail).recover()
            #expect(try await rig.state(of: payment) == "released/unused")
        }
    }

    @Test("a crash while the upstream works: before, it is served again; after, it is owed and not run again")
    func duringForwarding() async throws {
        for (timing, state, status, runs) in [
            (SettlementTiming.before, "settled/undelivered", 200, 2), (.after, "settled/delivered", 402, 1),
        ] {
            try await withPaywall(
                [TestRoute(match: "/x", timing: timing)],
                upstream: { $0["x-again"] == nil ? .wait : .bytes(reply("fine")) }
            ) { rig in
                let payment = Payer().pay()
                let client = try await rig.client()
                try await client.send(request("GET /x", payment.line))
                await rig.upstream.requests.reaches(1)
                try await rig.worker(mockRail()).recover()
                #expect(try await rig.state(of: payment) == state)
                #expect(try await rig.ask("GET /x", payment.line + "X-Again: 1\r\n").status == status)
                #expect(rig.upstream.runs == runs)
            }
        }
    }
}
