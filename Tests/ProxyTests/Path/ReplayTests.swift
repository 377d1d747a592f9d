import Facilitator
import Foundation
import Ledger
import LedgerSQLite
import Primitives
import Testing
import X402

@testable import Proxy

/// One payment opens one request, once.
@Suite("Replays", .serialized, .timeLimit(.minutes(2)))
struct ReplayTests {
    @Test(
        "256 sends of one payment at once run the upstream once",
        arguments: [(SettlementTiming.before, true), (.before, false), (.after, true), (.after, false)])
    func race(timing: SettlementTiming, isLocal: Bool) async throws {
        let rail: any Rail = isLocal ? mockRail() : ScriptedRail()
        try await withPaywall([TestRoute(match: "/x", timing: timing)], rail: rail) { rig in
            let payment = Payer().pay()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<256 {
                    group.addTask { try await rig.ask("GET /x", payment.line).status }
                }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses[200] == 1)
            #expect((statuses[402] ?? 0) + (statuses[409] ?? 0) == 255, "\(statuses)")
            #expect(rig.upstream.runs == 1)
            #expect(try await rig.state(of: payment) == "settled/delivered")
            if let rail = rail as? ScriptedRail { #expect(rail.orders.count == 1) }
        }
    }

    @Test("256 sends of one payment at once, over the ledger on disk", arguments: [SettlementTiming.before, .after])
    func raceOnDisk(timing: SettlementTiming) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("race-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let ledger = try SQLiteLedger(path: folder.appendingPathComponent("ledger.db").path)
        try await withPaywall(
            [TestRoute(match: "/x", timing: timing)], rail: ScriptedRail(), settings: RigSettings(ledger: ledger)
        ) { rig in
            let payment = Payer().pay()
            let served = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<256 {
                    group.addTask { try await rig.ask("GET /x", payment.line).status }
                }
                return try await group.reduce(into: 0) { $0 += $1 == 200 ? 1 : 0 }
            }
            #expect(served == 1 && rig.upstream.runs == 1)
            _ = await rig.ledger.transitions.first { $0.word == "delivered" }
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
        await ledger.close()
    }

    @Test("a payment in another spelling is the same payment")
    func reencoded() async throws {
        try await withPaywall([TestRoute(match: "/x")]) { rig in
            let payment = Payer().pay()
            #expect(try await rig.ask("GET /x", payment.line).status == 200)
            for line in try Self.spellings(of: payment) {
                let answer = try await rig.ask("GET /x", line)
                #expect(answer.status == 402 && answer.text.contains("payment_already_used"), "\(line)")
            }
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("each of those spellings is a payment by itself", arguments: 0..<8)
    func spellingIsGood(index: Int) async throws {
        try await withPaywall([TestRoute(match: "/x")]) { rig in
            let lines = try Self.spellings(of: Payer().pay())
            #expect(lines.count == 8)
            #expect(try await rig.ask("GET /x", lines[index]).status == 200)
        }
    }

    /// One payment in other bytes: forms, base64 alphabets, JSON spellings, `v` of the signature.
    static func spellings(of payment: Payment) throws -> [String] {
        let json = String(decoding: payment.json.encoded(), as: UTF8.self)
        guard case .object(let members) = payment.json else { return [] }
        let reversed = JSONValue.object(members.reversed()).encoded()
        let base64 = Base64.encode(Array(json.utf8))
        var (v1, plain, otherV) = (payment, payment, payment)
        v1.form = .v1
        plain.form = .plain
        plain.asset = payment.accepted?.asset
        guard case .transfer(var transfer) = payment.payload, case .rsv(let r, let s, let v) = transfer.signature else {
            return []
        }
        transfer.signature = .rsv(r: r, s: s, v: v - 27)
        otherV.payload = .transfer(transfer)
        return [
            v1.line, plain.line, otherV.line,
            "PAYMENT-SIGNATURE: \(Base64.encode(reversed))\r\n",
            "PAYMENT-SIGNATURE: \(Base64.encode(Array(json.replacing("\":", with: "\" :\t").utf8)))\r\n",
            "PAYMENT-SIGNATURE: \(base64.replacing("=", with: ""))\r\n",
            "PAYMENT-SIGNATURE: \(json)\r\n",
            "X-PAYMENT: \(base64.replacing("+", with: "-").replacing("/", with: "_"))\r\n",
        ]
    }

    @Test("a payment that was used opens no other route of the same price")
    func otherRoute() async throws {
        try await withPaywall([TestRoute(match: "/a"), TestRoute(match: "/b")]) { (rig: PaywallRig) async throws in
            let payment = Payer().pay()
            #expect(try await rig.ask("GET /a", payment.line).status == 200)
            #expect(try await rig.ask("GET /b", payment.line).status == 402)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("a used payment stays used as long as it is valid, and after that it is too old")
    func later() async throws {
        try await withPaywall([TestRoute(match: "/x")]) { (rig: PaywallRig) async throws in
            let payment = Payer().pay()
            #expect(try await rig.ask("GET /x", payment.line).status == 200)
            for _ in 0..<5 {
                rig.clock.advance(900)
                #expect(try await rig.ask("GET /x", payment.line).status == 402)
            }
            #expect(rig.upstream.runs == 1)
        }
    }
}
