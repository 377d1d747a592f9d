import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// Requests whose price somebody else tells.
@Suite("The path of a request whose price is asked for", .timeLimit(.minutes(2)))
struct PriceSourcePathTests {
    private static func routes(_ teller: ScriptedTeller) -> [TestRoute] {
        [TestRoute(match: "/x", offers: [], table: TestTable(offers: [], teller: teller))]
    }

    private func amount(_ answer: TestAnswer) -> String? {
        answer["x-payment-required"]?.split(separator: "\"").dropFirst().first.map(String.init)
    }

    @Test("waits for one answer with all who ask the same, and holds a body back meanwhile")
    func waits() async throws {
        let teller = ScriptedTeller("$0.005", isOpen: false)
        try await withPaywall(Self.routes(teller)) { rig in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await rig.ask("POST /x", body: "body").status } }
                await teller.gate.isReached()
                try await rig.barrier(2)
                teller.gate.open()
                var statuses: [Int] = []
                for try await status in group { statuses.append(status) }
                return statuses
            }
            #expect(statuses == [Int](repeating: 402, count: 20))
            #expect(teller.questions.count == 1)
            let payment = Payer().pay(Offers.offer(5000))
            #expect(try await rig.ask("POST /x", payment.line, body: "body").status == 200)
            #expect(rig.upstream.requests.entries.last?.text == "body")
        }
    }

    @Test("honours what was told, in every form, when the price has changed or nobody tells it any more")
    func honours() async throws {
        let teller = ScriptedTeller("$0.005")
        try await withPaywall(Self.routes(teller)) { rig in
            #expect(try await amount(rig.ask("GET /x")) == "5000")
            rig.clock.advance(31)
            teller.say("$0.007")
            #expect(try await amount(rig.ask("GET /x")) == "7000")
            rig.clock.advance(31)
            teller.say(nil)
            #expect(try await rig.ask("GET /x").status == 503)
            for (nonce, form) in [PaymentForm.v2, .v1, .plain].enumerated() {
                for told: UInt64 in [5000, 7000] {
                    let payment = Payer().pay(
                        Offers.offer(told), nonce: UInt8(nonce) * 2 + (told == 5000 ? 0 : 1), form: form)
                    let answer = try await rig.ask("GET /x", payment.line)
                    #expect(answer.status == 200, "\(form) of \(told)")
                }
            }
            for never: UInt64 in [4999, 6000, 9000, 1] {
                let payment = Payer(2).pay(Offers.offer(never))
                #expect(try await rig.ask("GET /x", payment.line).status == 503)
            }
            rig.clock.advance(29)
            let late = Payer(3).pay(Offers.offer(5000))
            #expect(try await rig.ask("GET /x", late.line).status == 503)
            #expect(try await rig.ask("GET /x?other", Payer(3).pay(Offers.offer(7000)).line).status == 200)
        }
    }

    @Test("honours what was told under an older file")
    func olderFile() async throws {
        try await withPaywall(Self.routes(ScriptedTeller("$0.005"))) { rig in
            #expect(try await amount(rig.ask("GET /x")) == "5000")
            try await rig.adopt(Self.routes(ScriptedTeller("$0.009")))
            #expect(try await amount(rig.ask("GET /x")) == "9000")
            #expect(try await rig.ask("GET /x", Payer().pay(Offers.offer(5000)).line).status == 200)
            #expect(try await rig.ask("GET /x", Payer(2).pay(Offers.offer(6000)).line).status == 402)
        }
    }

    @Test("gives a client that leaves nothing to wait for")
    func leaves() async throws {
        let teller = ScriptedTeller("$0.005", isOpen: false)
        try await withPaywall(Self.routes(teller)) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x"))
            await teller.gate.isReached()
            await client.close()
            try await rig.barrier(2)
            teller.gate.open()
            #expect(try await rig.ask("GET /x").status == 402)
        }
    }
}
