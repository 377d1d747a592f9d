import Facilitator
import Foundation
import Ledger
import LedgerSQLite
import Primitives
import Testing
import X402

@testable import Proxy

/// Clients' own ids of what they pay for, over the whole path.
@Suite("Ids of clients", .serialized, .timeLimit(.minutes(2)))
struct IdentifierTests {
    static let optional = IdentifierPolicy(isRequired: false, maxAnswerBytes: 4_096)
    static let id = "pay_7d5d747be160e280"
    static let address = "X-Test: 1\r\n"

    static func route(
        _ match: String = "/x", timing: SettlementTiming = .before, policy: IdentifierPolicy = optional
    ) -> TestRoute {
        TestRoute(match: match, timing: timing, identifiers: policy)
    }

    @Test(
        "get the same answer for a payment that is signed anew, which is not used",
        arguments: [(SettlementTiming.before, true), (.before, false), (.after, true), (.batch, false)])
    func again(timing: SettlementTiming, isLocal: Bool) async throws {
        let rail: any Rail = isLocal ? mockRail() : ScriptedRail()
        try await withPaywall([Self.route(timing: timing)], rail: rail) { rig in
            let first = try await rig.ask("GET /x", Payer().pay().line(id: Self.id))
            let second = try await rig.ask("GET /x", Payer().pay(nonce: 2).line(id: Self.id))
            #expect(first.status == 200 && second.status == 200 && rig.upstream.runs == 1)
            #expect(second.body == first.body)
            #expect(second["payment-response"] == first["payment-response"])
            #expect(try await rig.state(of: Payer().pay(nonce: 2)) == "none")
            // It is still good for something else.
            #expect(try await rig.ask("GET /x", Payer().pay(nonce: 2).line).status == 200)
        }
    }

    @Test("get it for the same payment, from the same client")
    func samePayment() async throws {
        try await withPaywall([Self.route()]) { rig in
            let line = Payer().pay().line(id: Self.id)
            let first = try await rig.ask("GET /x", line)
            let second = try await rig.ask("GET /x", line)
            #expect(second.status == 200 && second.body == first.body && rig.upstream.runs == 1)
            rig.clock.advance(601)
            let late = try await rig.ask("GET /x", line)
            #expect(late.status == 409 && late.text.contains("payment_identifier_answered"))
            #expect(late["payment-required"] == nil)
        }
    }

    @Test("are refused with 409 for another target, method, price or body")
    func conflicts() async throws {
        let dear = TestRoute(match: "/dear", offers: [Offers.offer(2000)], identifiers: Self.optional)
        let routes = [Self.route(), Self.route("/y"), dear]
        try await withPaywall(routes) { (rig: PaywallRig) async throws in
            #expect(try await rig.ask("POST /x", Payer().pay().line(id: Self.id), body: "one").status == 200)
            let others: [(String, Payment, String?)] = [
                ("POST /y", Payer().pay(nonce: 2), "one"), ("POST /x?a=1", Payer().pay(nonce: 2), "one"),
                ("PUT /x", Payer().pay(nonce: 2), "one"), ("POST /x", Payer().pay(nonce: 2), "two"),
                ("POST /x", Payer().pay(nonce: 2), nil), ("POST /x", Payer().pay(nonce: 2), "one more"),
                ("POST /dear", Payer().pay(Offers.offer(2000), nonce: 2), "one"),
                ("POST /y", Payer().pay(), "one"),
            ]
            for (line, payment, body) in others {
                let answer = try await rig.ask(line, payment.line(id: Self.id), body: body)
                #expect(answer.status == 409, "\(line) \(body ?? "-")")
                #expect(answer.text.contains("payment_identifier_conflict") && answer["payment-required"] == nil)
            }
            #expect(rig.upstream.runs == 1)
            let same = try await rig.ask("POST /x", Payer().pay(nonce: 2).line(id: Self.id), body: "one")
            #expect(same.status == 200 && rig.upstream.runs == 1)
            // Another payer's id is another.
            #expect(try await rig.ask("POST /y", Payer(2).pay().line(id: Self.id), body: "two").status == 200)
        }
    }

    @Test("run the upstream once, however many payments of one id come at once")
    func race() async throws {
        try await withPaywall([Self.route()], rail: ScriptedRail()) { rig in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for nonce in 1...64 {
                    group.addTask {
                        try await rig.ask("GET /x", Payer().pay(nonce: UInt8(nonce)).line(id: Self.id)).status
                    }
                }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(rig.upstream.runs == 1)
            #expect((statuses[200] ?? 0) + (statuses[409] ?? 0) == 64 && (statuses[200] ?? 0) >= 1, "\(statuses)")
        }
    }

    @Test("deliver what was paid and failed upstream, without a second payment")
    func redelivered() async throws {
        try await withPaywall(
            [Self.route()],
            upstream: { $0.connection == 1 ? .last(reply("broken", status: "500 Broken")) : .bytes(reply("fine")) }
        ) { rig in
            let first = try await rig.ask("POST /x", Payer().pay().line(id: Self.id), body: "one")
            #expect(first.status == 500)
            let other = try await rig.ask("POST /x", Payer().pay(nonce: 2).line(id: Self.id), body: "two")
            #expect(other.status == 409 && other.text.contains("payment_identifier_conflict"))
            let second = try await rig.ask("POST /x", Payer().pay(nonce: 2).line(id: Self.id), body: "one")
            #expect(second.status == 200 && second.text == "fine")
            let third = try await rig.ask("POST /x", Payer().pay(nonce: 3).line(id: Self.id), body: "one")
            #expect(third.status == 200 && third.text == "fine" && rig.upstream.runs == 2)
            #expect(try await rig.state(of: Payer().pay(nonce: 2)) == "none")
            #expect(second["payment-response"] != nil)
        }
    }

    @Test("say that a long answer is not kept")
    func longAnswer() async throws {
        let long = String(repeating: "x", count: 5_000)
        try await withPaywall([Self.route()], upstream: { _ in .bytes(reply(long)) }) { rig in
            #expect(try await rig.ask("GET /x", Payer().pay().line(id: Self.id)).status == 200)
            let again = try await rig.ask("GET /x", Payer().pay(nonce: 2).line(id: Self.id))
            #expect(again.status == 409 && again.text.contains("payment_identifier_answered"))
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("never get a part of an answer where the whole is asked for")
    func part() async throws {
        try await withPaywall(
            [Self.route()],
            upstream: {
                $0["range"] == nil
                    ? .bytes(reply("fine"))
                    : .bytes(reply("fi", status: "206 Partial Content", "content-range: bytes 0-1/4"))
            }
        ) { rig in
            let part = try await rig.ask("GET /x", Payer().pay().line(id: Self.id) + "Range: bytes=0-1\r\n")
            #expect(part.status == 206 && part.text == "fi")
            let whole = try await rig.ask("GET /x", Payer().pay(nonce: 2).line(id: Self.id))
            #expect(whole.status == 409 && whole.text.contains("payment_identifier_answered"))
            #expect(try await rig.state(of: Payer().pay(nonce: 2)) == "none" && rig.upstream.runs == 1)
        }
    }

    @Test("of another form are refused, and one can be required")
    func required() async throws {
        let policy = IdentifierPolicy(isRequired: true)
        try await withPaywall([Self.route(policy: policy), TestRoute(match: "/off")]) { rig in
            for payment in [Payer().pay(), Payer().pay(form: .v1), Payer().pay(form: .plain)] {
                let answer = try await rig.ask("GET /x", payment.line)
                #expect(answer.status == 400 && answer.text.contains("payment_identifier_required"))
            }
            for bad in ["short", String(repeating: "a", count: 129), "pay 7d5d747be160e280", "päy_7d5d747be160e280"] {
                let answer = try await rig.ask("GET /x", Payer().pay().line(id: bad))
                #expect(answer.status == 400 && answer.text.contains("invalid_payment_identifier"), "\(bad)")
            }
            #expect(rig.upstream.runs == 0)
            #expect(try await rig.ask("GET /off", Payer().pay().line(id: "short")).status == 200)
        }
    }

    @Test("are answered again after a restart, from the ledger on disk")
    func restart() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ids-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for nonce: UInt8 in [1, 2] {
            let ledger = try SQLiteLedger(path: folder.appendingPathComponent("ledger.db").path)
            try await withPaywall([Self.route()], settings: RigSettings(ledger: ledger)) { rig in
                let answer = try await rig.ask("GET /x", Payer().pay(nonce: nonce).line(id: Self.id))
                #expect(answer.status == 200 && answer.text == "fine")
                #expect(rig.upstream.runs == (nonce == 1 ? 1 : 0))
            }
            await ledger.close()
        }
    }
}
