import Facilitator
import Ledger
import NIOCore
import Primitives
import Testing
import Transport
import X402

@testable import Proxy

/// Switching to another protocol, from the gate to the end of the tunnel.
@Suite("Upgrades on their path", .timeLimit(.minutes(2)))
struct UpgradePathTests {
    static let ask = "Connection: Upgrade\r\nUpgrade: websocket\r\n" + ProtocolUpgradeTests.key
    static let switched =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + ProtocolUpgradeTests.accept + "\r\n"
    static let routes = [TestRoute(match: "/before"), TestRoute(match: "/after", timing: .after), .free("/free")]

    private func fields(_ name: String, _ payment: Payment) -> String {
        Self.ask + (name == "free" ? "" : payment.line)
    }

    @Test("bytes go both ways, each direction ends by itself", arguments: ["free", "before", "after"])
    func tunnel(name: String) async throws {
        try await withPaywall(Self.routes, upstream: { $0.line.hasPrefix("GET") ? .bytes(Self.switched) : .wait }) {
            rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /\(name)", fields(name, payment)))
            let head = try await client.answerHead()
            #expect(head.start == "HTTP/1.1 101 Switching Protocols")
            #expect(head.all("connection") == ["upgrade"] && head.all("upgrade") == ["websocket"])
            #expect(head["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            #expect((head["payment-response"] != nil) == (name != "free"))
            #expect(head["content-length"] == nil && head["transfer-encoding"] == nil)
            if name != "free" { #expect(try await rig.state(of: payment) == "settled/delivered") }
            try await client.send("POST /up HTTP/1.1\r\n\r\n")
            await rig.upstream.heads.reaches(2)
            #expect(rig.upstream.heads.entries.last == "POST /up HTTP/1.1", "nobody reads what goes through")
            try await rig.upstream.send("down")
            #expect(await client.bytes(4) == Array("down".utf8))
            try await rig.upstream.close()
            await client.close()
        }
    }

    @Test("the upstream is asked for the protocol, and sees neither payment nor other protocols")
    func forwarded() async throws {
        try await withPaywall(Self.routes) { rig in
            let fields = Self.ask.replacing("websocket", with: "h2c, websocket") + Payer().pay().line
            #expect(try await rig.ask("GET /before", fields).status == 200)
            let head = FieldLines(try #require(rig.upstream.heads.entries.first))
            #expect(head.all("connection") == ["upgrade"] && head.all("upgrade") == ["websocket"])
            #expect(head["sec-websocket-key"] == "dGhlIHNhbXBsZSBub25jZQ==" && head["payment-signature"] == nil)
        }
    }

    @Test("unpaid it is a 402, and nothing reaches the upstream")
    func unpaid() async throws {
        try await withPaywall(Self.routes) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /before", Self.ask) + request("GET /nowhere"))
            let answer = try await client.answer()
            #expect(answer.status == 402 && answer["payment-required"] != nil)
            #expect(try await client.answer().status == 404)
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test("what was sent ahead is priced as the next request where the answer is not 101")
    func sentAhead() async throws {
        try await withPaywall(Self.routes) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /free", Self.ask) + request("GET /before"))
            #expect(try await client.answer().status == 200)
            #expect(try await client.answer().status == 402)
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("a 101 for anything else is a failure of the upstream; what was paid stays the payer's")
    func otherProtocol() async throws {
        let wrong = Self.switched.replacing("s3pP", with: "AAAA")
        try await withPaywall(Self.routes, upstream: { _ in .bytes(wrong + reply("smuggled")) }) { rig in
            let payment = Payer().pay()
            let answer = try await rig.ask("GET /before", Self.ask + payment.line)
            #expect(answer.status == 502 && answer["payment-grant"] != nil)
            #expect(try await rig.state(of: payment) == "settled/undelivered")
            let later = Payer().pay(nonce: 2)
            #expect(try await rig.ask("GET /after", Self.ask + later.line).status == 502)
            #expect(try await rig.state(of: later) == "released/undelivered")
        }
    }

    @Test("a 101 delivers, whatever charge_on says")
    func charged() async throws {
        let routes = [TestRoute(match: "/x", timing: .after, chargeOn: ChargePolicy(statuses: StatusSet(codes: [200])))]
        try await withPaywall(routes, upstream: { _ in .last(Self.switched) }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", Self.ask + payment.line))
            #expect(try await client.answerHead().start.contains("101"))
            #expect(try await rig.state(of: payment) == "settled/delivered")
            await client.close()
        }
    }

    @Test("the 101 waits for the settlement, and what the upstream sends meanwhile comes behind it")
    func held() async throws {
        let rail = ScriptedRail(.settled(transaction: "0xabc", payer: nil), holdsSettle: true)
        try await withPaywall(Self.routes, rail: rail, upstream: { _ in .bytes(Self.switched + "first") }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /after", Self.ask + payment.line))
            await rail.settleGate.isReached()
            rail.settleGate.open()
            #expect(try await client.answerHead()["payment-response"] != nil)
            #expect(await client.bytes(5) == Array("first".utf8))
            await client.close()
        }
    }

    @Test("a settlement that is refused withholds the 101 and closes the upstream's connection")
    func refused() async throws {
        let rail = ScriptedRail(.refused(.insufficientFunds, message: nil))
        try await withPaywall(Self.routes, rail: rail, upstream: { _ in .bytes(Self.switched) }) {
            (rig: PaywallRig) async throws in
            #expect(try await rig.ask("GET /after", Self.ask + Payer().pay().line).status == 402)
            await rig.upstream.closures.reaches(1)
        }
    }

    @Test("a client that is gone closes the upstream's connection, and the line tells both sums")
    func gone() async throws {
        let pipe = try Pipe()
        let sink = LogSink(descriptor: pipe.writeEnd)
        let settings = RigSettings(accessLog: sink)
        try await withPaywall(Self.routes, settings: settings, upstream: { _ in .bytes(Self.switched + "four") }) {
            rig in
            let client = try await rig.client()
            try await client.send(request("GET /free", Self.ask))
            _ = try await client.answerHead()
            #expect(await client.bytes(4) == Array("four".utf8))
            try await client.send("sixsix")
            try await rig.barrier(2)
            await client.leave()
            await rig.upstream.closures.reaches(1)
        }
        sink.close()
        sink.run()
        let line = pipe.readAll().split(separator: "\n").first { $0.contains("\"/free\"") } ?? ""
        #expect(line.contains("\"status\":101,\"bytes\":4,\"bytes_in\":6,"))
    }

    @Test("draining has an end for tunnels too")
    func drain() async throws {
        try await withPaywall(Self.routes, upstream: { _ in .bytes(Self.switched) }) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /free", Self.ask))
            _ = try await client.answerHead()
            await rig.paywall.drain(timeout: .milliseconds(1))
            #expect(await client.isClosedByServer())
            await rig.upstream.closures.reaches(1)
        }
    }
}
