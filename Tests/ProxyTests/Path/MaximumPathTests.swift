import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// `maximum = "request"`: what is asked, claimed and held is what the request's own bounds come to.
@Suite("A maximum from the request", .timeLimit(.minutes(2)))
struct MaximumPathTests {
    static let answer = reply(#"{"usage":{"prompt_tokens":100,"completion_tokens":40}}"#)

    static func payment(_ amount: UInt64, nonce: Int = 1) -> Payment {
        var offer = MeteringTests.offer
        offer.amount = UInt256(amount)
        return Payment(
            form: .v2, scheme: "upto", network: offer.network,
            accepted: AcceptedOffer(
                asset: offer.asset, amount: offer.amount, payTo: offer.payTo,
                maxTimeoutSeconds: offer.maxTimeoutSeconds, extra: offer.extra),
            payload: .other(.object([JSONMember("nonce", .string(String(nonce)))])))
    }

    static func withRoute(_ route: TestRoute? = nil, _ test: (PaywallRig) async throws -> Void) async throws {
        let route = try route ?? MeteringTests.route(addsUsage: true, isBounded: true)
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { _ in .bytes(answer) }
        try await withPaywall([route], rail: ScriptedRail(), upstream: script) { rig in try await test(rig) }
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var body: String?
        var most: UInt64
        var testDescription: String { body ?? "no body" }
    }

    /// 100 for the request, at most 200 or a half for each byte in, two and a half for a token out; 2000 is the price.
    static let rows: [Row] = [
        Row(body: #"{"max_tokens":40}"#, most: 100 + 100 + 100),
        Row(body: #"{"stream":true,"max_tokens":400,"messages":[]}"#, most: 100 + 100 + 1000),
        Row(body: #"{"max_tokens":40000}"#, most: 2000),
        Row(body: #"{"messages":[]}"#, most: 2000),
        Row(body: "no JSON", most: 2000),
        Row(body: nil, most: 2000),
    ]

    @Test("is asked of this body, and the price where the body does not say", arguments: rows, [false, true])
    func asked(_ row: Row, isChunked: Bool) async throws {
        try await Self.withRoute { rig in
            let ask = { (payment: Payment?) async throws -> TestAnswer in
                let line = payment?.line ?? ""
                guard isChunked, let body = row.body else { return try await rig.ask("POST /x", line, body: row.body) }
                let client = try await rig.client()
                let half = body.utf8.count / 2
                try await client.send(
                    request("POST /x", line + "Transfer-Encoding: chunked\r\n")
                        + String(half, radix: 16) + "\r\n" + body.prefix(half) + "\r\n")
                try await client.send(
                    String(body.utf8.count - half, radix: 16) + "\r\n" + body.dropFirst(half) + "\r\n0\r\n\r\n")
                return try await client.answer()
            }
            let challenge = try await ask(nil)
            let required = try PaymentRequiredHeader(challenge)
            #expect(challenge.status == 402 && required.amounts == [String(row.most)])
            for other in [row.most - 1, row.most + 1] {
                let refused = try await ask(Self.payment(other))
                #expect(refused.status == 402)
            }
            let paid = try await ask(Self.payment(row.most))
            #expect(paid.status == 200)
            let seen = try #require(rig.upstream.requests.entries.last)
            #expect(rig.upstream.runs == 1 && seen.text.hasSuffix(String((row.body ?? "").suffix(12))))
        }
    }

    @Test("another body with the payment of a cheaper one is refused")
    func bound() async throws {
        try await Self.withRoute { rig in
            let dearer = try await rig.ask("POST /x", Self.payment(300).line, body: #"{"max_tokens":41}"#)
            #expect(dearer.status == 402 && rig.upstream.runs == 0)
        }
    }

    @Test("a body that is too long to be looked at costs the price, and goes on whole")
    func long() async throws {
        let padding = String(repeating: "x", count: AnswerMeter.maximumRequestBytes)
        let body = #"{"max_tokens":40,"messages":"\#(padding)"}"#
        try await Self.withRoute { rig in
            for isChunked in [false, true] {
                let payment = Self.payment(2000, nonce: isChunked ? 1 : 2)
                let client = try await rig.client()
                if isChunked {
                    let chunk = String(body.utf8.count, radix: 16) + "\r\n" + body + "\r\n0\r\n\r\n"
                    try await client.send(request("POST /x", payment.line + "Transfer-Encoding: chunked\r\n") + chunk)
                } else {
                    try await client.send(request("POST /x", payment.line, body: body))
                }
                let answer = try await client.answer()
                #expect(answer.status == 200)
                #expect(rig.upstream.requests.entries.last?.text == body)
            }
        }
    }

    @Test("is held of a bundle")
    func bundle() async throws {
        var route = try MeteringTests.route(isBounded: true)
        route.offers = [MeteredBundleTests.most]
        route.bundle = [MeteredBundleTests.sale]
        route.credit = CreditOffer(scope: .route, isBalance: true)
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { _ in .bytes(Self.answer) }
        try await withPaywall([route], upstream: script) { rig in
            let payment = Payer().pay(MeteredBundleTests.sale)
            let first = try await rig.ask("POST /x", payment.line, body: #"{"max_tokens":40}"#)
            #expect(first.status == 200 && first["payment-credit"] == "amount=\"9700\"")
            let token = try #require(first["payment-grant"])
            let again = try await rig.ask("POST /x", "Payment-Grant: \(token)\r\n", body: #"{"max_tokens":400}"#)
            #expect(again.status == 200 && again["payment-credit"] == "amount=\"9500\", charged=\"250\"")
            let credit = try await MeteredBundleTests.credit(rig, of: payment)
            #expect(credit.charged == UInt256(500) && credit.held == .zero)
        }
    }
}

/// The offers of a 402.
private struct PaymentRequiredHeader {
    var amounts: [String] = []

    init(_ answer: TestAnswer) throws {
        let field = try #require(answer["payment-required"])
        let bytes = try #require(Base64.decode(field))
        guard case .array(let offers)? = try JSONValue.parse(bytes)["accepts"] else { return }
        for offer in offers {
            if case .string(let amount)? = offer["amount"] { amounts.append(amount) }
        }
    }
}
