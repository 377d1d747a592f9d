import Ledger
import NIOCore
import Testing

@testable import Proxy
@testable import Transport

/// Nothing is sold for an upstream that is known to be dead.
@Suite("A dead upstream", .timeLimit(.minutes(2)))
struct DeadUpstreamTests {
    /// Leaves a server alone for longer than any test lasts.
    private static let policy = {
        var policy = BreakerPolicy()
        policy.failTimeout = .hours(1)
        return policy
    }()

    /// Lets the requests of before have failed, so that the upstream's only server is left alone.
    private func die(_ rig: PaywallRig) throws {
        let server = try #require(rig.shared.upstreams.watched.first?.server)
        for _ in 0..<3 {
            server.change { _ = $0.failed(isTrial: false, policy: Self.policy, now: .now(), jitter: 0) }
        }
    }

    private func revive(_ rig: PaywallRig) throws {
        let server = try #require(rig.shared.upstreams.watched.first?.server)
        server.change {
            $0.connectionTested(succeeded: true, policy: Self.policy, now: .now(), jitter: 0)
        }
    }

    @Test(
        "has no price, and a payment is not looked at: 503 with Retry-After",
        arguments: [SettlementTiming.before, .after])
    func known(timing: SettlementTiming) async throws {
        let rail = ScriptedRail(verifiesLocally: false)
        try await withPaywall([TestRoute(match: "/x", timing: timing)], rail: rail) { rig in
            try die(rig)
            let unpaid = try await rig.ask("GET /x")
            #expect(unpaid.status == 503 && unpaid["retry-after"] != nil && unpaid["payment-required"] == nil)
            let payment = Payer().pay()
            let paid = try await rig.ask("GET /x", payment.line)
            #expect(paid.status == 503 && paid["retry-after"] != nil)
            #expect(paid.text.contains("upstream_unavailable"))
            #expect(rail.verifications.count == 0)
            #expect(try await rig.state(of: payment) == "none")
            try revive(rig)
            #expect(try await rig.ask("GET /x", payment.line).status == 200)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("that died while a payment was verified takes no claim")
    func beforeClaim() async throws {
        let rail = ScriptedRail(holdsVerify: true, verifiesLocally: false)
        try await withPaywall([TestRoute(match: "/x")], rail: rail) { rig in
            let payment = Payer().pay()
            async let asked = rig.ask("GET /x", payment.line)
            await rail.verifyGate.isReached()
            try die(rig)
            rail.verifyGate.open()
            let answer = try await asked
            #expect(answer.status == 503 && answer["retry-after"] != nil)
            #expect(try await rig.state(of: payment) == "none")
            #expect(rail.orders.count == 0 && rig.upstream.runs == 0)
        }
    }
}
