import Facilitator
import Ledger
import Primitives
import Testing
import X402

@testable import Proxy

/// Random requests with one payment, while upstream, rail, ledger and clients fail at random.
@Suite("Whatever happens", .serialized, .timeLimit(.minutes(5)))
struct ChaosTests {
    /// What was seen of one payment.
    private struct Seen {
        var wholeAnswers = 0
        var transactions: Set<String> = []
        var token: String?

        mutating func note(_ answer: TestAnswer) throws {
            if answer.status == 200, answer.isWhole { wholeAnswers += 1 }
            if answer["payment-response"] != nil {
                let receipt = try receipt(answer)
                if receipt.success { transactions.insert(receipt.transaction) }
            }
            token = answer["payment-grant"] ?? token
        }
    }

    private static func answers(_ request: ScriptedUpstream.Request) -> ScriptedUpstream.Reply {
        switch request["x-how"] {
        case "broken": .bytes(reply("no", status: "500 Oops"))
        case "closed": .close
        case "half": .last("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        default: .bytes(reply("fine"))
        }
    }

    private static func settlements(_ random: inout SplitMix) -> SettleOutcome {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: .refused(.insufficientFunds, message: nil)
        case 1: .unavailable(ScriptedRail.failure)
        case 2: .unknown(transaction: "0xmoved")
        default: .settled(transaction: "0xmoved", payer: nil)
        }
    }

    @Test(
        "a payment is served once, moves once, and is never given back after it moved",
        arguments: 0..<64 as Range<UInt64>)
    func onePayment(seed: UInt64) async throws {
        var random = SplitMix(state: seed)
        let timing: SettlementTiming = Bool.random(using: &random) ? .before : .after
        let rail = ScriptedRail(Self.settlements(&random), Self.settlements(&random), Self.settlements(&random))
        rail.reconcile(to: .settled(transaction: "0xmoved", payer: nil))
        try await withPaywall([TestRoute(match: "/x", timing: timing)], rail: rail, upstream: Self.answers) { rig in
            let payment = Payer().pay()
            var seen = Seen()
            for _ in 0..<10 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0:
                    let words = ["settle", "settled", "released", "delivered", "undelivered", "uncertain", "owed"]
                    rig.ledger.fail(Set(words.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }))
                case 1: rig.ledger.fail([])
                case 2: await rig.worker(rail).pass()
                case 3: rig.clock.advance(Int64.random(in: 0..<400, using: &random))
                case 4: try await leave(rig, payment, &seen, &random)
                case 5:
                    for answer in try await together(rig, payment, seen.token) { try seen.note(answer) }
                default:
                    if let answer = try await present(rig, payment, fields(seen.token, &random)) {
                        try seen.note(answer)
                    }
                }
            }
            rig.ledger.fail([])
            try await rig.barrier(3)
            await rig.worker(rail).pass()
            try await check(rig, payment, seen, timing)
        }
    }

    private func check(_ rig: PaywallRig, _ payment: Payment, _ seen: Seen, _ timing: SettlementTiming) async throws {
        let state = try await rig.state(of: payment)
        #expect(seen.wholeAnswers <= 1)
        #expect(seen.transactions.count <= 1)
        let runs = rig.upstream.requests.entries.filter { timing == .before || $0["x-how"] == "fine" }.count
        #expect(runs <= 1 + RedeliveryPolicy().limit, "\(state)")
        let isSettled = state.hasPrefix("settled/")
        if seen.wholeAnswers > 0 || !seen.transactions.isEmpty { #expect(isSettled, "\(state)") }
        if seen.wholeAnswers > 0 { #expect(state == "settled/delivered") }
    }

    private func fields(_ token: String?, _ random: inout SplitMix) -> String {
        let how = ["fine", "fine", "broken", "closed", "half"].randomElement(using: &random) ?? "fine"
        let grant = Bool.random(using: &random) ? token.map { "Payment-Grant: \($0)\r\n" } ?? "" : ""
        return "X-How: \(how)\r\n" + grant
    }

    /// The answer, nil where the connection ended without one.
    private func present(_ rig: PaywallRig, _ payment: Payment, _ fields: String) async throws -> TestAnswer? {
        let client = try await rig.client()
        try await client.send(request("POST /x", payment.line + fields, body: "question"))
        let answer = try? await client.answer()
        await client.close()
        return answer
    }

    private func leave(
        _ rig: PaywallRig, _ payment: Payment, _ seen: inout Seen, _ random: inout SplitMix
    ) async throws {
        let client = try await rig.client()
        try await client.send(request("POST /x", payment.line + fields(seen.token, &random), body: "question"))
        for _ in 0..<Int.random(in: 0..<3, using: &random) { try await rig.barrier() }
        await client.leave()
        try await rig.barrier()
    }

    private func together(_ rig: PaywallRig, _ payment: Payment, _ token: String?) async throws -> [TestAnswer] {
        let grant = token.map { "Payment-Grant: \($0)\r\n" } ?? ""
        return try await withThrowingTaskGroup(of: [TestAnswer].self) { group in
            for _ in 0..<3 {
                group.addTask {
                    let answer = try await present(rig, payment, "X-How: fine\r\n" + grant)
                    return answer.map { [$0] } ?? []
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }
}
