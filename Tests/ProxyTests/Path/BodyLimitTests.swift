import Facilitator
import Ledger
import Testing
import Transport
import X402

@testable import Proxy

/// Bodies beyond the limits of route and upstream, and what becomes of the payment.
@Suite("Limits of bodies", .timeLimit(.minutes(2)))
struct BodyLimitTests {
    private static let routes = [
        TestRoute(match: "/before", maxBodyBytes: 10), TestRoute(match: "/after", timing: .after, maxBodyBytes: 10),
        TestRoute(match: "/free", offers: [], maxBodyBytes: 10),
    ]

    private static let chunked = "Transfer-Encoding: chunked\r\n"

    @Test("a length beyond the route's limit is 413 at once, and nothing is claimed", arguments: ["before", "free"])
    func announced(name: String) async throws {
        try await withPaywall(Self.routes) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("POST /\(name)", payment.line, body: "12345678901")
            #expect(answer.status == 413)
            #expect(try await rig.state(of: payment) == "none")
            #expect(try await rig.ask("POST /\(name)", payment.line, body: "1234567890").status == 200)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test(
        "a body that turns out too long is 413; what is paid stays the payer's, what is promised is released",
        arguments: [
            ("before", "settled/undelivered"), ("after", "released/undelivered"), ("free", "none"),
        ])
    func streamed(name: String, state: String) async throws {
        try await withPaywall(Self.routes) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(
                request("POST /\(name)", (name == "free" ? "" : payment.line) + Self.chunked) + "5\r\n12345\r\n")
            await rig.upstream.heads.reaches(1)
            try await client.send("6\r\n678901\r\n")
            #expect(try await client.answer(to: "POST").status == 413)
            await rig.upstream.closures.reaches(1)
            #expect(try await rig.state(of: payment) == state)
            #expect(rig.upstream.requests.count == 0)
        }
    }

    @Test("behind an answer that has begun, a body that is too long breaks the connection off")
    func afterTheHead() async throws {
        let settings = RigSettings(readsBodies: false)
        try await withPaywall(Self.routes, settings: settings) { rig in
            let client = try await rig.client()
            try await client.send(request("POST /free", Self.chunked) + "5\r\n12345\r\n")
            await rig.upstream.heads.reaches(1)
            try await rig.upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
            _ = try await client.answerHead()
            try await client.send("6\r\n678901\r\n")
            _ = await client.isClosedByServer()
            await rig.upstream.closures.reaches(1)
        }
    }

    private func limited(_ test: (PaywallRig) async throws -> Void, upstream answer: String?) async throws {
        var settings = RigSettings()
        settings.configure = { $0.maxResponseBytes = 10 }
        try await withPaywall(
            Self.routes, settings: settings, upstream: { _ in answer.map { .bytes($0) } ?? .wait }, test)
    }

    @Test("an answer that is announced too long is 502 and not delivered")
    func longAnswer() async throws {
        try await limited(
            { rig in
                let payment = Payer().pay()
                let answer = try await rig.ask("GET /before", payment.line)
                #expect(answer.status == 502 && answer["payment-grant"] != nil)
                #expect(try await rig.state(of: payment) == "settled/undelivered")
                let later = Payer().pay(nonce: 2)
                #expect(try await rig.ask("GET /after", later.line).status == 502)
                #expect(try await rig.state(of: later) == "released/undelivered")
                #expect(try await rig.ask("HEAD /free").status == 200, "no body, no limit")
            }, upstream: reply("12345678901"))
    }

    @Test("an answer that turns out too long breaks off and is not delivered")
    func growingAnswer() async throws {
        try await limited(
            { rig in
                let payment = Payer().pay()
                let client = try await rig.client()
                try await client.send(request("GET /before", payment.line))
                await rig.upstream.requests.reaches(1)
                try await rig.upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n123456\r\n")
                #expect(try await client.answerHead().start == "HTTP/1.1 200 OK")
                try await rig.upstream.send("6\r\n789012\r\n0\r\n\r\n")
                await rig.upstream.closures.reaches(1)
                _ = await client.isClosedByServer()
                #expect(try await rig.state(of: payment) == "settled/undelivered")
            }, upstream: nil)
    }

    @Test("an answer of just the limit is whole, held or not", arguments: ["before", "after", "free"])
    func exact(name: String) async throws {
        try await limited(
            { rig in
                let answer = try await rig.ask("GET /\(name)", name == "free" ? "" : Payer().pay().line)
                #expect(answer.isWhole && answer.text == "1234567890")
            }, upstream: reply("1234567890"))
    }
}
