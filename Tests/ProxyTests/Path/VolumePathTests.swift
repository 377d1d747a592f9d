import EVM
import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// Prices by what a payer has paid before.
@Suite("The path of a request whose price depends on its payer", .timeLimit(.minutes(2)))
struct VolumePathTests {
    private static let base = Offers.offer(1000)
    private static let tier = Offers.offer(600)
    private static let best = Offers.offer(200)

    private static func table() throws -> TestTable {
        TestTable(
            rules: [
                PriceRule(
                    name: "best", conditions: [.payments(try #require(VolumeComparison.list(">= 4", .payments)))],
                    amount: 2),
                PriceRule(
                    name: "tier", conditions: [.paid(try #require(VolumeComparison.list(">= $0.002", .dollars)))],
                    amount: 1),
            ], offers: [[base], [tier], [best]], volumeSeconds: 3600)
    }

    private static func routes(timing: SettlementTiming = .before) throws -> [TestRoute] {
        [TestRoute(match: "/x", offers: [], timing: timing, table: try table())]
    }

    private func amount(_ answer: TestAnswer) -> String? {
        answer["x-payment-required"]?.split(separator: "\"").dropFirst().first.map(String.init)
    }

    @Test("is the base price until enough was paid, and then any that the payer could have been told")
    func tiers() async throws {
        try await withPaywall(try Self.routes()) { rig in
            let steps: [(offer: PaymentRequirements, payer: Int, status: Int, why: Comment)] = [
                (Self.tier, 1, 402, "nothing was paid yet"), (Self.base, 1, 200, "the base price"),
                (Self.tier, 1, 402, "what was paid is not enough"), (Self.base, 1, 200, "the base price"),
                (Self.tier, 2, 402, "another payer"), (Self.tier, 1, 200, "enough was paid"),
                (Self.best, 1, 402, "not often enough"), (Self.base, 1, 200, "the base price is everybody's"),
                (Self.best, 1, 200, "often enough"), (Self.tier, 1, 200, "it was told that before it had paid more"),
                (Offers.offer(199), 1, 402, "nobody was told that"), (Self.best, 2, 402, "another payer"),
            ]
            for (nonce, step) in steps.enumerated() {
                let payment = Payer(step.payer).pay(step.offer, nonce: UInt8(nonce + 1))
                let answer = try await rig.ask("GET /x", payment.line)
                #expect(answer.status == step.status, step.why)
                if step.status == 402 { #expect(amount(answer) == "1000", step.why) }
                let unpaid = try await rig.ask("GET /x")
                #expect(amount(unpaid) == "1000", "nobody in particular")
            }
            rig.clock.advance(3600)
            let late = try await rig.ask("GET /x", Payer().pay(Self.tier, nonce: 99).line)
            #expect(late.status == 402, "the next window")
        }
    }

    @Test(
        "is the dearest of a body that rules cannot look into, whoever is named",
        arguments: ["{", "junk", #"{"model":"#, String(repeating: " ", count: 100) + "{}"])
    func unreadable(body: String) async throws {
        let dearest = Offers.offer(9000)
        let table = TestTable(
            fields: [.body(["model"])],
            rules: [
                PriceRule(
                    name: "tier", conditions: [.paid(try #require(VolumeComparison.list(">= $0.002", .dollars)))],
                    amount: 1),
                PriceRule(name: "large", conditions: [.field(0, try .parse("large*"))], amount: 2),
            ], offers: [[Self.base], [Self.tier], [Self.best]], maxBodyBytes: 64, dearest: [dearest],
            volumeSeconds: 3600)
        try await withPaywall([TestRoute(match: "/x", offers: [], table: table)]) { rig in
            let json = "Content-Type: application/json\r\n"
            for (nonce, offer) in [Self.base, Self.tier, dearest].enumerated() {
                let payment = Payer().pay(offer, nonce: UInt8(nonce + 1))
                let answer = try await rig.ask("POST /x", payment.line + json, body: body)
                #expect(answer.status == (offer == dearest ? 200 : 402))
            }
        }
    }

    @Test("is nobody's who only names the payer")
    func forged() async throws {
        try await withPaywall(try Self.routes()) { rig in
            for nonce: UInt8 in 1...2 {
                let answer = try await rig.ask("GET /x", Payer().pay(Self.base, nonce: nonce).line)
                #expect(answer.status == 200)
            }
            var forged = Payer(2).pay(Self.tier, nonce: 3)
            guard case .transfer(var transfer) = forged.payload else { return }
            transfer.from = Payer().key.address
            forged.payload = .transfer(transfer)
            let answer = try await rig.ask("GET /x", forged.line)
            #expect(answer.status == 402 && amount(answer) == "1000", "nor does it tell what the payer has paid")
            #expect(rig.upstream.runs == 2)
        }
    }

    @Test(
        "counts every payment once, however many come at the same time", arguments: [SettlementTiming.before, .after])
    func concurrency(timing: SettlementTiming) async throws {
        let ledger = MemoryLedger()
        var settings = RigSettings()
        settings.ledger = ledger
        let routes = try Self.routes(timing: timing)
        try await withPaywall(routes, settings: settings) { rig in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for nonce: UInt8 in 1...40 {
                    group.addTask {
                        let line = Payer().pay(Self.base, nonce: nonce).line
                        let statuses = try await [rig.ask("GET /x", line).status, rig.ask("GET /x", line).status]
                        return statuses[0] == 200 ? statuses[1] : 0
                    }
                }
                for try await again in group { #expect(again == 402) }
            }
            let counter = TestTable.counter(try Self.table().prices, seconds: 3600)
            for (unit, expected): (VolumeCounter.Unit, UInt64) in [(.paid, 40_000_000), (.payments, 40)] {
                let look = counter.look(unit, route: "/x", payer: Payer().key.address.checksummed, key: .zero)
                let used = await withCheckedContinuation { continuation in
                    ledger.claimAllowance(look, now: rig.clock.now) { result in
                        continuation.resume(returning: (try? result.get()).map(VolumeCounter.used))
                    }
                }
                #expect(used == expected, "\(unit)")
            }
        }
    }
}
