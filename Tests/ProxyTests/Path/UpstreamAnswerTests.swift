import Facilitator
import Ledger
import Primitives
import Testing
import Transport
import X402

@testable import Proxy

/// What an upstream may do, and what the client gets of it.
@Suite("Answers of the upstream", .timeLimit(.minutes(2)))
struct UpstreamAnswerTests {
    static let routes = [TestRoute(match: "/before"), TestRoute(match: "/after", timing: .after), .free("/free")]

    @Test(
        "an upstream that is gone: 502, with a receipt only where the value moved",
        arguments: ["free", "before", "after"])
    func gone(name: String) async throws {
        try await withPaywall(Self.routes) { rig in
            await rig.upstream.stop()
            let answer = try await rig.ask("GET /\(name)", name == "free" ? "" : Payer().pay().line)
            #expect(answer.status == 502 && answer.text.contains("requestId"), "\(answer.status) \(answer.text)")
            #expect((answer["payment-response"] != nil) == (name == "before"))
            #expect((answer["payment-grant"] != nil) == (name == "before"))
        }
    }

    @Test("time that ran out is 504, everything else 502")
    func statuses() {
        for error in [UpstreamError.connectTimeout, .queueTimeout, .firstByteTimeout, .idleTimeout] {
            #expect(Answer.gateway(error).status == 504)
        }
        for error in [
            UpstreamError.connectFailed, .queueFull, .closedBeforeResponse, .brokenOff, .malformedResponse("x"),
            .headTooLarge, .poolClosed,
        ] { #expect(Answer.gateway(error).status == 502) }
    }

    @Test("a free answer that breaks off ends the client's connection")
    func freeBrokenOff() async throws {
        try await withPaywall(
            Self.routes, upstream: { _ in .last("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n") }
        ) { rig in
            let answer = try await rig.ask("GET /free")
            #expect(answer.status == 200 && !answer.isWhole)
        }
    }

    @Test("101 without an upgrade: 502, and nothing behind it is read", arguments: ["free", "before", "after"])
    func switchingProtocols(name: String) async throws {
        try await withPaywall(
            Self.routes,
            upstream: { _ in .bytes("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n" + reply("smuggled")) }
        ) { rig in
            let fields = "Connection: upgrade\r\nUpgrade: websocket\r\n" + (name == "free" ? "" : Payer().pay().line)
            let client = try await rig.client()
            try await client.send(request("GET /\(name)", fields) + request("GET /nowhere"))
            let answer = try await client.answer()
            #expect(answer.status == 502 && answer.interim.isEmpty)
            #expect(try await client.answer().status == 404)
            #expect(rig.upstream.heads.entries.allSatisfy { FieldLines($0)["upgrade"] == nil })
        }
    }

    @Test("early hints pass, 100 does not", arguments: ["free", "before", "after"])
    func informational(name: String) async throws {
        let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
        try await withPaywall(Self.routes, upstream: { _ in .bytes(hints + reply("fine")) }) { rig in
            let answer = try await rig.ask("GET /\(name)", name == "free" ? "" : Payer().pay().line)
            #expect(answer.status == 200 && answer.interim == [103])
        }
    }

    @Test("Expect: 100-continue is answered once the payment is settled, and not passed on")
    func expectation() async throws {
        let rail = ScriptedRail(holdsSettle: true)
        try await withPaywall(Self.routes, rail: rail) { rig in
            let client = try await rig.client()
            let payment = Payer().pay()
            try await client.send(
                request("POST /before", payment.line + "Expect: 100-continue\r\nContent-Length: 4\r\n"))
            await rail.settleGate.isReached()
            rail.settleGate.open()
            #expect(try await client.answerHead().start == "HTTP/1.1 100 Continue")
            try await client.send("body")
            #expect(try await client.answer().status == 200)
            #expect(rig.upstream.requests.entries.map(\.text) == ["body"])
            #expect(rig.upstream.requests.entries.allSatisfy { $0["expect"] == nil })
        }
    }

    @Test("Expect: 100-continue without a payment: 402 at once")
    func expectationUnpaid() async throws {
        try await withPaywall(Self.routes) { rig in
            let client = try await rig.client()
            try await client.send(request("POST /before", "Expect: 100-continue\r\nContent-Length: 4\r\n"))
            let answer = try await client.answer()
            #expect(answer.status == 402 && answer.interim.isEmpty && answer["connection"] == "close")
        }
    }

    @Test("an answer that comes before the request is whole is relayed", arguments: ["free", "before", "after"])
    func early(name: String) async throws {
        try await withPaywall(Self.routes, upstream: { _ in .wait }) { rig in
            let client = try await rig.client()
            let payment = Payer().pay()
            try await client.send(
                request("POST /\(name)", (name == "free" ? "" : payment.line) + "Content-Length: 100000\r\n") + "half")
            await rig.upstream.heads.reaches(1)
            try await rig.upstream.send(reply("too large", status: "413 No"))
            let answer = try await client.answer()
            #expect(answer.status == 413 && answer.text == "too large")
            switch name {
            case "before": #expect(try await rig.state(of: payment) == "settled/undelivered")
            case "after": #expect(try await rig.state(of: payment) == "released/undelivered")
            default: break
            }
        }
    }

    @Test("an HTTP/1.0 upstream, whose answer ends with its connection")
    func oldUpstream() async throws {
        try await withPaywall(Self.routes, upstream: { _ in .last("HTTP/1.0 200 OK\r\n\r\nto the end") }) { rig in
            for name in ["before", "after"] {
                let payment = Payer().pay(nonce: name == "before" ? 1 : 2)
                let answer = try await rig.ask("GET /\(name)", payment.line)
                #expect(answer.status == 200 && answer.text == "to the end" && answer.isWhole)
                #expect(try await rig.state(of: payment) == "settled/delivered")
            }
        }
    }

    @Test("an HTTP/1.0 client pays, and its answer ends with its connection")
    func oldClient() async throws {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n"
        try await withPaywall(
            Self.routes, upstream: { _ in .bytes("HTTP/1.1 103 Early Hints\r\n\r\n" + chunked) }
        ) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send("GET /before HTTP/1.0\r\n\(payment.line)\r\n")
            let answer = try await client.answer()
            #expect(answer.status == 200 && answer.text == "fine" && answer.interim.isEmpty)
            #expect(answer["transfer-encoding"] == nil)
            #expect(try await rig.state(of: payment) == "settled/delivered")
            #expect(rig.upstream.heads.entries[0].hasPrefix("GET /before HTTP/1.1\r\n"))
            #expect(FieldLines(rig.upstream.heads.entries[0])["host"] == "127.0.0.1:\(rig.upstream.port)")
        }
    }

    @Test("receipts of an upstream, and what frames its messages, do not pass")
    func forged() async throws {
        try await withPaywall(
            Self.routes,
            upstream: { _ in
                .bytes(
                    reply(
                        "fine", "PAYMENT-RESPONSE: forged", "X-Payment-Response: forged", "Payment-Grant: forged",
                        "PAYMENT-REQUIRED: forged", "Keep-Alive: 1", "X-Kept: yes"))
            }
        ) { rig in
            for (name, fields) in [("free", ""), ("before", Payer().pay().line)] {
                let answer = try await rig.ask("GET /\(name)", fields)
                #expect(answer["x-kept"] == "yes" && answer["keep-alive"] == nil)
                #expect(!answer.head.lines.contains { $0.value == "forged" })
            }
        }
    }

    @Test("Connection names no field away that decides who answers")
    func nominatedHost() async throws {
        try await withPaywall(Self.routes) { rig in
            _ = try await rig.ask("GET /free", "Connection: host, x-other\r\nX-Other: 1\r\n")
            let head = FieldLines(try #require(rig.upstream.heads.entries.first))
            #expect(head["host"] == "api.example.com" && head["x-other"] == nil)
        }
    }

    @Test(
        "what is paid for is private to every cache, whatever the upstream says",
        arguments: [
            ("public, s-maxage=60, max-age=5", "max-age=5, private"),
            ("private=\"set-cookie\"", "private=\"set-cookie\", private"),
            ("no-store", "no-store, private"), ("must-understand, no-store", "must-understand, no-store, private"),
            ("PRIVATE", "PRIVATE"), ("", "private"),
        ])
    func caching(value: String, expected: String) async throws {
        try await withPaywall(Self.routes, upstream: { _ in .bytes(reply("fine", "Cache-Control: \(value)")) }) { rig in
            let answer = try await rig.ask("GET /before", Payer().pay().line)
            #expect(answer.head.all("cache-control") == [expected])
            #expect(try await rig.ask("GET /free")["cache-control"] == value)
        }
    }
}
