import EVM
import Facilitator
import Ledger
import Pricing
import Primitives
import Testing
import X402

@testable import Proxy

/// The whole path of a metered route: what clients get, what upstreams are asked, what is charged.
@Suite("Metered routes", .timeLimit(.minutes(2)))
struct MeteringTests {
    static let asset = PricedAsset(id: "usdc", decimals: 6, isDollarPegged: true)
    /// 100 units for the request, half a unit for a token in, two and a half for one out.
    static let rates = ["request": "$0.0001", "input_tokens": "$0.50 / 1M", "output_tokens": "$2.50 / 1M"]
    /// What 200 tokens in and 400 out cost.
    static let estimate: UInt64 = 1200

    static func route(
        addsUsage: Bool = false, isBounded: Bool = false, _ usage: [String: String] = [:]
    ) throws -> TestRoute {
        var terms = UsageMeter.Terms()
        terms.preset = .openai
        terms.rates = try rates.sorted { $0.key < $1.key }.map { ($0.key, try MeterRate($0.value)) }
        terms.usage = try usage.mapValues { try UsagePlace($0) }
        terms.assumed = ["input_tokens": 200, "output_tokens": 400]
        terms.addsUsage = addsUsage
        terms.isBoundedByRequest = isBounded
        let meter = try UsageMeter(terms)
        let tariff = RouteMeter.AssetTariff(
            network: Offers.network, account: .address(Offers.asset.address), asset: asset,
            tariff: try meter.tariff(in: asset))
        return TestRoute(match: "/x", offers: [offer], meter: RouteMeter(meter, tariffs: [tariff]))
    }

    static let offer: PaymentRequirements = {
        var offer = Offers.offer(2000)
        offer.scheme = "upto"
        return offer
    }()

    static let payment = Payment(
        form: .v2, scheme: "upto", network: offer.network,
        accepted: AcceptedOffer(
            asset: offer.asset, amount: offer.amount, payTo: offer.payTo, maxTimeoutSeconds: offer.maxTimeoutSeconds,
            extra: offer.extra),
        payload: .other(.object([JSONMember("nonce", .string("1"))])))

    static func record(_ rig: PaywallRig) async throws -> PaymentRecord {
        let identity = try #require(ScriptedRail().identity(of: payment, for: offer))
        return try #require(try await rig.ledger.payment(identity))
    }

    static func chunked(_ type: String, _ pieces: String..., fields: String = "", end: String = "0\r\n\r\n") -> String {
        let chunks = pieces.map { String($0.utf8.count, radix: 16) + "\r\n" + $0 + "\r\n" }.joined()
        return "HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\n\(fields)transfer-encoding: chunked\r\n\r\n" + chunks + end
    }

    static let content = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n"
    static let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":40}}\n\n"
    static let done = "data: [DONE]\n\n"

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var answer: String
        var due: UInt64
        var isBroken = false
        var usage: [String: String] = [:]
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "counted", answer: reply(#"{"usage":{"prompt_tokens":100,"completion_tokens":40}}"#), due: 250),
        Row(name: "streamed", answer: chunked("text/event-stream", content, usage, done), due: 250),
        Row(
            name: "two reports", answer: chunked("text/event-stream; charset=utf-8", usage, content + usage, done),
            due: 250),
        Row(
            name: "broken off before its usage", answer: chunked("text/event-stream", content, end: ""), due: estimate,
            isBroken: true),
        Row(
            name: "broken off behind its usage", answer: chunked("text/event-stream", content + usage, end: ""),
            due: 250,
            isBroken: true),
        Row(name: "hidden", answer: reply("hello"), due: estimate),
        Row(
            name: "compressed all the same",
            answer: reply(
                #"{"usage":{"prompt_tokens":100,"completion_tokens":40}}"#, "content-encoding: gzip"), due: estimate),
        Row(
            name: "negative", answer: reply(#"{"usage":{"prompt_tokens":100,"completion_tokens":-40}}"#), due: 1150),
        Row(
            name: "absurd", answer: reply(#"{"usage":{"prompt_tokens":1e99,"completion_tokens":40}}"#), due: 300),
        Row(
            name: "more than the price", answer: reply(#"{"usage":{"prompt_tokens":1,"completion_tokens":999999}}"#),
            due: 2000),
        Row(
            name: "announced",
            answer: reply(
                #"{"usage":{"prompt_tokens":1,"completion_tokens":1}}"#, #"settlement-overrides: {"amount":"50%"}"#),
            due: 1000),
        Row(
            name: "in a header", answer: reply("x", "x-out: 40", "x-in: 100"), due: 250,
            usage: ["input_tokens": "header:X-In", "output_tokens": "header:x-out"]),
        Row(
            name: "in a trailer",
            answer: chunked(
                "text/plain", "x", fields: "trailer: x-out\r\n", end: "0\r\nX-Out: 40\r\nx-in: 100\r\n\r\n"),
            due: 250, usage: ["input_tokens": "trailer:X-In", "output_tokens": "trailer:x-out"]),
    ]

    @Test("are charged by these rules, and say so before they know how much", arguments: rows)
    func rules(_ row: Row) async throws {
        let rail = ScriptedRail()
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { _ in
            row.isBroken ? .last(row.answer) : .bytes(row.answer)
        }
        try await withPaywall([try Self.route(row.usage)], rail: rail, upstream: script) { rig in
            let answer = try await rig.ask("GET /x", Self.payment.line)
            #expect(answer.status == 200 && answer.isWhole == !row.isBroken)
            #expect(answer["settlement-overrides"] == nil)
            let told = try receipt(answer)
            #expect(told.extra.contains { $0.key == "settlement" && $0.value == .string("queued") })
            // What is known to be small waits for its charge.
            #expect(told.amount == (answer["content-length"] == nil ? nil : UInt256(row.due)))
            let record = try await Self.record(rig)
            #expect("\(record.state.value.word)/\(record.state.service.word)" == "owed/delivered")
            #expect(record.due == UInt256(row.due))
            #expect(record.claim.timing == .after && record.claim.amount == UInt256(2000))
            #expect(rail.orders.count == 0)
        }
    }

    @Test(
        "give the claim back where nothing was delivered",
        arguments: [
            reply("no", status: "500 No"), reply(""), reply("x", #"settlement-overrides: {"amount":"0"}"#),
        ])
    func nothing(answer: String) async throws {
        try await withPaywall([try Self.route()], rail: ScriptedRail(), upstream: { _ in .bytes(answer) }) { rig in
            for _ in 0..<2 {
                _ = try await rig.ask("GET /x", Self.payment.line)
                #expect(try await Self.record(rig).state.value == .released)
            }
            #expect(rig.upstream.runs == 2)
        }
    }

    @Test("a client that leaves before the answer is charged nothing, and stops the upstream")
    func leavesEarly() async throws {
        try await withPaywall([try Self.route()], rail: ScriptedRail(), upstream: { _ in .wait }) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x", Self.payment.line))
            await rig.upstream.requests.reaches(1)
            await client.leave()
            await rig.upstream.closures.reaches(1)
            #expect(try await Self.record(rig).state.value == .released)
        }
    }

    @Test("a client that leaves to miss the usage is charged the estimate")
    func leavesInTheMiddle() async throws {
        try await withPaywall([try Self.route()], rail: ScriptedRail(), upstream: { _ in .wait }) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x", Self.payment.line))
            await rig.upstream.requests.reaches(1)
            try await rig.upstream.send(Self.chunked("text/event-stream", Self.content, end: ""))
            _ = try await client.answerHead()
            await client.leave()
            await rig.upstream.closures.reaches(1)
            #expect(try await Self.record(rig).due == UInt256(Self.estimate))
        }
    }

    @Test("are asked for without compression")
    func identity() async throws {
        let routes = [try Self.route(), .free("/free")]
        try await withPaywall(routes, rail: ScriptedRail()) { rig in
            _ = try await rig.ask("GET /x", Self.payment.line + "Accept-Encoding: gzip, br\r\n")
            _ = try await rig.ask("GET /free", "Accept-Encoding: gzip, br\r\n")
            #expect(rig.upstream.requests.entries.map { $0["accept-encoding"] } == ["identity", "gzip, br"])
        }
    }

    @Test(
        "ask streams for usage on the client's behalf, and keep it to themselves",
        arguments: [
            (#"{"stream":true,"max_tokens":9}"#, true),
            (#"{"stream":true,"stream_options":{"include_usage":true}}"#, false),
        ])
    func addsUsage(body: String, isHidden: Bool) async throws {
        let answer = Self.chunked("text/event-stream", Self.content, Self.usage + Self.done)
        try await withPaywall(
            [try Self.route(addsUsage: true)], rail: ScriptedRail(), upstream: { _ in .bytes(answer) }
        ) { rig in
            let got = try await rig.ask("POST /x", Self.payment.line, body: body)
            #expect(got.text == Self.content + (isHidden ? "" : Self.usage) + Self.done)
            let asked = try #require(rig.upstream.requests.entries.first)
            #expect(asked["content-length"] == String(asked.body.count))
            #expect(try JSONValue.parse(asked.body)["stream_options"]?["include_usage"] == .bool(true))
            #expect(try await Self.record(rig).due == UInt256(250))
        }
    }

    @Test(
        "a request that is too long to be asked for usage in goes on as it is, and its own bound is read",
        arguments: [false, true])
    func longRequest(isChunked: Bool) async throws {
        let padding = String(repeating: "x", count: AnswerMeter.maximumRequestBytes)
        let body = #"{"stream":true,"max_tokens":40,"messages":"\#(padding)"}"#
        let answer = Self.chunked("text/event-stream", Self.content, Self.done)
        try await withPaywall(
            [try Self.route(addsUsage: true)], rail: ScriptedRail(), upstream: { _ in .bytes(answer) }
        ) { rig in
            let client = try await rig.client()
            if isChunked {
                let chunk = String(body.utf8.count, radix: 16) + "\r\n" + body + "\r\n0\r\n\r\n"
                try await client.send(
                    request("POST /x", Self.payment.line + "Transfer-Encoding: chunked\r\n") + chunk)
            } else {
                try await client.send(request("POST /x", Self.payment.line, body: body))
            }
            #expect(try await client.answer().text == Self.content + Self.done)
            #expect(rig.upstream.requests.entries.last?.text == body)
            #expect(try await Self.record(rig).due == UInt256(300))
        }
    }

    @Test("charge the price where less cannot be settled, and the log tells what was counted")
    func exact() async throws {
        let pipe = try Pipe()
        let sink = LogSink(descriptor: pipe.writeEnd)
        var route = try Self.route()
        route.offers = [Offers.offer(2000)]
        let answer = reply(#"{"usage":{"prompt_tokens":100,"completion_tokens":40}}"#)
        try await withPaywall([route], settings: RigSettings(accessLog: sink), upstream: { _ in .bytes(answer) }) {
            (rig: PaywallRig) async throws in
            let payment = Payer().pay(Offers.offer(2000))
            let got = try await rig.ask("GET /x", payment.line)
            #expect(got.status == 200)
            let state = try await rig.state(of: payment, for: Offers.offer(2000))
            #expect(state == "settled/delivered")
        }
        sink.close()
        sink.run()
        let line = try JSONValue.parse(Array(pipe.readAll().utf8))
        #expect(line["amount"] == .string("2000") && line["metered"] == .string("250"))
        #expect(line["metering"] == .string("metered") && line["used_output_tokens"] == .number("40"))
    }
}
