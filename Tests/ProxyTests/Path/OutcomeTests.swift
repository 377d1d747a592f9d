import Facilitator
import Ledger
import NIOCore
import Primitives
import Testing
import Transport
import X402

@testable import Proxy

/// What an answer is worth that is too short or too late.
@Suite("Charging by outcome", .timeLimit(.minutes(2)))
struct OutcomeTests {
    // MARK: Verdict

    struct Case: Sendable, CustomTestStringConvertible {
        var answer: String
        var method = Method.get
        var verdict: ChargePolicy.Verdict

        var testDescription: String { answer.split(separator: "\r\n").joined(separator: " | ") }
    }

    static let cases = [
        Case(answer: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", verdict: .delivers),
        Case(answer: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", verdict: .fails(.short)),
        Case(answer: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", verdict: .needs(bytes: 10)),
        Case(answer: "HTTP/1.1 200 OK\r\n\r\n", verdict: .needs(bytes: 10)),
        Case(answer: "HTTP/1.1 404 No\r\ncontent-length: 100\r\n\r\n", verdict: .fails(.status)),
        Case(answer: "HTTP/1.1 204 None\r\n\r\n", verdict: .fails(.short)),
        Case(answer: "HTTP/1.1 304 Same\r\n\r\n", verdict: .delivers),
        Case(answer: "HTTP/1.1 304 Same\r\ncontent-length: 9\r\n\r\n", verdict: .fails(.short)),
        Case(answer: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", method: .head, verdict: .delivers),
        Case(answer: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", method: .head, verdict: .fails(.short)),
        Case(answer: "HTTP/1.1 200 OK\r\n\r\n", method: .head, verdict: .delivers),
        // Of a part, and of what is compressed, the client chooses how long it is.
        Case(answer: "HTTP/1.1 206 Part\r\ncontent-length: 9\r\n\r\n", verdict: .delivers),
        Case(
            answer: "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n", verdict: .delivers),
    ]

    @Test("judges a head by status and length", arguments: cases)
    func verdicts(_ item: Case) throws {
        var input = ByteBuffer(string: item.answer)
        var head = ResponseHead()
        var parser = ResponseHeadParser()
        let outcome = parser.parse(&input, method: item.method, into: &head)
        #expect(outcome == .complete)
        let policy = ChargePolicy(leastBytes: 10, within: .seconds(1))
        #expect(policy.judge(head, elapsed: .seconds(1)) == item.verdict)
        let late = policy.judge(head, elapsed: .seconds(1) + .nanoseconds(1))
        #expect(late == (item.verdict == .fails(.status) ? .fails(.status) : .fails(.late)))
    }

    // MARK: Path

    static func chunked(_ pieces: [String], ends: Bool = true) -> String {
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            + pieces.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined() + (ends ? "0\r\n\r\n" : "")
    }

    static let short = [reply("five5"), chunked(["five5"]), chunked(["fi", "ve5"])]

    @Test("under `after`, an answer that is too short goes out and costs nothing", arguments: short)
    func shortAfter(answer: String) async throws {
        let route = TestRoute(match: "/x", timing: .after, chargeOn: ChargePolicy(leastBytes: 6))
        let rail = ScriptedRail()
        try await withPaywall([route], rail: rail, upstream: { _ in .bytes(answer) }) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 200 && answer.text == "five5" && answer["payment-response"] == nil)
            #expect(try await rig.state(of: payment) == "released/undelivered")
            #expect(rail.orders.count == 0)
        }
    }

    @Test("under `after`, an answer that is long enough is settled before its head goes out", arguments: short)
    func longEnoughAfter(answer: String) async throws {
        let route = TestRoute(match: "/x", timing: .after, chargeOn: ChargePolicy(leastBytes: 5))
        try await withPaywall([route], upstream: { _ in .bytes(answer) }) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 200 && answer.text == "five5")
            #expect(try receipt(answer).success)
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
    }

    @Test("under `before`, an answer that is too short leaves the payment to be used again", arguments: short)
    func shortBefore(answer: String) async throws {
        let route = TestRoute(match: "/x", chargeOn: ChargePolicy(leastBytes: 6))
        let answers = Notebook<Int>()
        try await withPaywall(
            [route],
            upstream: { _ in
                answers.note(1)
                return .bytes(answers.count == 1 ? answer : reply("long enough"))
            }
        ) { rig in
            let payment = Payer().pay()
            let first = try await rig.ask("GET /x", payment.line)
            #expect(first.status == 200 && first.text == "five5")
            let token = try #require(first["payment-grant"])
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            let second = try await rig.ask("GET /x", payment.line + "Payment-Grant: \(token)\r\n")
            #expect(second.status == 200 && second.text == "long enough")
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
    }

    @Test("an answer that breaks off before it is long enough is a failure of the upstream, and nothing of it goes out")
    func brokenOff() async throws {
        let route = TestRoute(match: "/x", timing: .after, chargeOn: ChargePolicy(leastBytes: 100))
        try await withPaywall([route], upstream: { _ in .last(Self.chunked(["some"], ends: false)) }) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 502 && !answer.text.contains("some"))
            #expect(try await rig.state(of: payment) == "released/undelivered")
        }
    }

    @Test("a client that leaves while the length is not known yet pays for what turns out long enough")
    func leaves() async throws {
        let route = TestRoute(match: "/x", timing: .after, chargeOn: ChargePolicy(leastBytes: 8))
        try await withPaywall([route], upstream: { _ in .wait }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rig.upstream.requests.reaches(1)
            try await rig.upstream.send(Self.chunked(["four"], ends: false))
            await client.close()
            try await rig.upstream.send("4\r\nmore\r\n")
            await rig.ledger.transitions.reaches(2)
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
    }

    @Test("under `after`, an answer that begins too late costs nothing")
    func late() async throws {
        let route = TestRoute(match: "/x", timing: .after, chargeOn: ChargePolicy(within: .nanoseconds(1)))
        try await withPaywall([route]) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /x", payment.line)
            #expect(answer.status == 200 && answer.text == "fine" && answer["payment-response"] == nil)
            #expect(try await rig.state(of: payment) == "released/undelivered")
            #expect(try await rig.record(of: payment)?.reason == "upstream too late")
        }
    }

    @Test("a client that takes its time with its body does not make the answer late")
    func slowClient() async throws {
        let route = TestRoute(match: "/x", timing: .after, chargeOn: ChargePolicy(within: .nanoseconds(1)))
        try await withPaywall([route], upstream: { _ in .wait }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            let head = "POST /x HTTP/1.1\r\nhost: a\r\n\(payment.line)content-length: 10\r\n\r\n"
            try await client.send(head + "half ")
            await rig.upstream.heads.reaches(1)
            try await rig.upstream.send(reply("early"))
            let answer = try await client.answer()
            #expect(answer.status == 200 && answer.text == "early")
            #expect(try receipt(answer).success)
        }
    }

    @Test("what decides about the charge is not compressed: the upstream is not asked to")
    func uncompressed() async throws {
        let route = TestRoute(match: "/x", timing: .after, chargeOn: ChargePolicy(leastBytes: 1))
        try await withPaywall([route]) { rig in
            _ = try await rig.ask("GET /x", Payer().pay().line + "Accept-Encoding: gzip\r\n")
            #expect(rig.upstream.requests.entries.last?["accept-encoding"] == "identity")
        }
    }
}
