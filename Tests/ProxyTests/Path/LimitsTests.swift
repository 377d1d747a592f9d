import Ledger
import NIOCore
import Testing
import Transport
import X402

@testable import Proxy

/// Rate limits and what runs at once, on the whole path.
@Suite("Limits", .timeLimit(.minutes(2)))
struct LimitsTests {
    private static func limits(_ change: (inout RequestLimits) -> Void) -> RequestLimits {
        var limits = RequestLimits()
        change(&limits)
        return limits
    }

    private static func route(_ match: String, _ change: (inout RouteLimits) -> Void) -> TestRoute {
        var route = TestRoute(match: match)
        change(&route.limits)
        return route
    }

    private static let twice = Rate(1, per: .day, burst: 2)

    @Test("a client over its limit gets 429 and when to come back, on every path, and the upstream hears nothing")
    func client() async throws {
        var settings = RigSettings()
        settings.requestLimits = Self.limits { $0.client = Self.twice }
        try await withPaywall([.free("/free")], settings: settings) { rig in
            #expect(try await rig.ask("GET /free").status == 200)
            #expect(try await rig.ask("GET /nowhere").status == 404)
            let answer = try await rig.ask("GET /free")
            #expect(answer.status == 429)
            #expect((1...86_400).contains(Int(answer["retry-after"] ?? "") ?? 0))
            #expect(answer["ratelimit-policy"] == "\"client\";q=2;w=172800")
            #expect(answer["ratelimit"] == "\"client\";r=0;t=\(answer["retry-after"] ?? "")")
            #expect(answer.text.contains("too_many_requests"))
            #expect(rig.upstream.runs == 1)
        }
    }

    @Test("a head that is refused is a request of its client, too")
    func refusedHeads() async throws {
        var settings = RigSettings()
        settings.requestLimits = Self.limits { $0.client = Self.twice }
        try await withPaywall([.free("/free")], settings: settings) { rig in
            let malformed = "No Name: x\r\n"
            var statuses: [Int] = []
            for _ in 0..<3 { statuses.append(try await rig.ask("GET /free", malformed).status) }
            #expect(statuses == [400, 400, 429])
            let answer = try await rig.ask("GET /free")
            #expect(answer.status == 429)
            #expect(rig.upstream.runs == 0)
        }
    }

    @Test("the heads that a trusted proxy passes on are nobody's")
    func refusedHeadsBehindProxy() async throws {
        var settings = RigSettings()
        settings.requestLimits = Self.limits { $0.client = Self.twice }
        settings.trust = ProxyTrust(peers: TrustedPeers(blocks: CIDRSet([try CIDRBlock("127.0.0.1")])))
        try await withPaywall([.free("/free")], settings: settings) { rig in
            for _ in 0..<4 {
                let answer = try await rig.ask("GET /free", "No Name: x\r\n")
                #expect(answer.status == 400)
            }
        }
    }

    @Test("clients behind a trusted proxy have a limit each, IPv6 by its /64; a made-up address opens none")
    func clientsBehindProxy() async throws {
        var settings = RigSettings()
        settings.requestLimits = Self.limits { $0.client = Rate(1, per: .day, burst: 1) }
        settings.trust = ProxyTrust(peers: TrustedPeers(blocks: CIDRSet([try CIDRBlock("127.0.0.1")])))
        try await withPaywall([.free("/free")], settings: settings) { rig in
            let requests = [
                ("192.0.2.1", 200), ("192.0.2.1", 429), ("9.9.9.9, 192.0.2.1", 429), ("192.0.2.2", 200),
                ("2001:db8::1", 200), ("2001:db8::ffff", 429), ("2001:db8:0:1::1", 200),
            ]
            for (chain, expected) in requests {
                let answer = try await rig.ask("GET /free", "X-Forwarded-For: \(chain)\r\n")
                #expect(answer.status == expected, "\(chain)")
            }
            let told = rig.upstream.heads.entries.map { FieldLines($0)["x-forwarded-for"] }
            #expect(
                told == [
                    "192.0.2.1, 127.0.0.1", "192.0.2.2, 127.0.0.1", "2001:db8::1, 127.0.0.1",
                    "2001:db8:0:1::1, 127.0.0.1",
                ])
        }
    }

    @Test("without a trusted proxy every spelling of an address is one client")
    func spoofing() async throws {
        var settings = RigSettings()
        settings.requestLimits = Self.limits { $0.client = Self.twice }
        try await withPaywall([.free("/free")], settings: settings) { rig in
            var statuses: [Int] = []
            for number in 1...4 {
                statuses.append(
                    try await rig.ask("GET /free", "X-Forwarded-For: 192.0.2.\(number)\r\nForwarded: for=192.0.2.9\r\n")
                        .status)
            }
            #expect(statuses == [200, 200, 429, 429])
        }
    }

    @Test("a route has limits of its own, for all and for each client, before its payment is looked at")
    func route() async throws {
        let routes = [
            Self.route("/all") { $0.all = Self.twice }, Self.route("/each") { $0.client = Self.twice },
            TestRoute(match: "/other"),
        ]
        try await withPaywall(routes) { rig in
            for path in ["/all", "/each"] {
                #expect(try await rig.ask("GET \(path)").status == 402)
                #expect(try await rig.ask("GET \(path)").status == 402)
                let answer = try await rig.ask("GET \(path)", Payer().pay().line)
                #expect(answer.status == 429 && rig.ledger.claims.count == 0)
            }
            #expect(try await rig.ask("GET /other").status == 402)
        }
    }

    @Test("a payer over its limit is told after verification, and its payment stays unused")
    func payer() async throws {
        var settings = RigSettings()
        settings.requestLimits = Self.limits { $0.payer = Rate(1, per: .day, burst: 1) }
        try await withPaywall([TestRoute(match: "/x")], settings: settings) { rig in
            #expect(try await rig.ask("GET /x", Payer().pay(nonce: 1).line).status == 200)
            let second = Payer().pay(nonce: 2)
            let answer = try await rig.ask("GET /x", second.line)
            #expect(answer.status == 429 && answer["ratelimit"]?.hasPrefix("\"payer\";r=0;t=") == true)
            #expect(try await rig.state(of: second) == "none")
            // A forged payment takes nothing from the one whose name it bears.
            #expect(try await rig.ask("GET /x", Payer(2).pay(validBefore: Offers.start - 1).line).status == 402)
            #expect(try await rig.ask("GET /x", Payer(2).pay().line).status == 200)
            #expect(rig.upstream.runs == 2)
        }
    }

    @Test("402s are given out so often and no more; paying goes on")
    func challenges() async throws {
        var settings = RigSettings()
        settings.requestLimits = Self.limits { $0.challenges = Self.twice }
        try await withPaywall([TestRoute(match: "/x")], settings: settings) { rig in
            #expect(try await rig.ask("GET /x").status == 402)
            #expect(try await rig.ask("GET /x", Payer().pay(validBefore: Offers.start - 1).line).status == 402)
            let answer = try await rig.ask("GET /x")
            #expect(answer.status == 429 && answer["payment-required"] == nil)
            #expect(answer["ratelimit"]?.hasPrefix("\"challenges\";r=0;t=") == true)
            #expect(try await rig.ask("GET /x", Payer().pay().line).status == 200)
        }
    }

    private static func full(_ match: String, queue: Int, timeout: Duration = .seconds(60), free: Bool = false)
        -> TestRoute
    {
        var route = route(match) {
            $0.concurrency = ConcurrencyTerms(maxConcurrent: 1, maxQueued: queue, queueTimeout: timeout)
        }
        if free { route.offers = [] }
        return route
    }

    @Test(
        "a full route lets requests wait without a claim, in order, and turns the newcomer away",
        arguments: [false, true])
    func queue(isFree: Bool) async throws {
        try await withPaywall([Self.full("/x", queue: 1, free: isFree)], upstream: { _ in .wait }) { rig in
            let clients = [try await rig.client(), try await rig.client()]
            let payments = [Payer().pay(nonce: 1), Payer().pay(nonce: 2), Payer().pay(nonce: 3)]
            func line(_ index: Int) -> String { isFree ? "" : payments[index].line }
            try await clients[0].send(request("GET /x", line(0)))
            await rig.upstream.requests.reaches(1)
            try await clients[1].send(request("GET /x", line(1)))
            try await rig.waits(1, on: "/x")
            let late = try await rig.ask("GET /x", line(2))
            #expect(late.status == 503 && late["retry-after"] == "1" && late.text.contains("overloaded"))
            if !isFree {
                #expect(try await rig.state(of: payments[1]) == "none")
                #expect(try await rig.state(of: payments[2]) == "none")
            }
            #expect(rig.upstream.runs == 1)
            try await rig.upstream.send(reply("first"), on: 1)
            #expect(try await clients[0].answer().text == "first")
            await rig.upstream.requests.reaches(2)
            try await rig.upstream.send(reply("second"), on: rig.upstream.requests.entries[1].connection)
            #expect(try await clients[1].answer().text == "second")
            try await rig.isIdle(on: "/x")
        }
    }

    @Test("a client that leaves while it waits is dropped with its payment unused", arguments: [false, true])
    func leavesQueue(isFree: Bool) async throws {
        try await withPaywall([Self.full("/x", queue: 1, free: isFree)], upstream: { _ in .wait }) { rig in
            let first = try await rig.client()
            let payment = Payer().pay(nonce: 2)
            try await first.send(request("GET /x", isFree ? "" : Payer().pay(nonce: 1).line))
            await rig.upstream.requests.reaches(1)
            let second = try await rig.client()
            try await second.send(request("GET /x", isFree ? "" : payment.line))
            try await rig.waits(1, on: "/x")
            await second.leave()
            try await rig.waits(0, on: "/x")
            try await rig.upstream.send(reply("first"), on: 1)
            #expect(try await first.answer().status == 200)
            try await rig.isIdle(on: "/x")
            #expect(rig.upstream.runs == 1)
            if !isFree { #expect(try await rig.state(of: payment) == "none") }
        }
    }

    @Test("a wait has an end, and costs nothing")
    func queueTimeout() async throws {
        let routes = [Self.full("/x", queue: 1, timeout: .milliseconds(1))]
        try await withPaywall(routes, upstream: { _ in .wait }) { rig in
            let first = try await rig.client()
            try await first.send(request("GET /x", Payer().pay(nonce: 1).line))
            await rig.upstream.requests.reaches(1)
            let payment = Payer().pay(nonce: 2)
            #expect(try await rig.ask("GET /x", payment.line).status == 503)
            #expect(try await rig.state(of: payment) == "none")
            try await rig.upstream.send(reply("first"), on: 1)
            #expect(try await first.answer().status == 200)
            try await rig.isIdle(on: "/x")
        }
    }

    @Test("a slot comes back however the request ends", arguments: [SettlementTiming.before, .after])
    func slots(timing: SettlementTiming) async throws {
        var route = Self.full("/x", queue: 0)
        route.timing = timing
        let script: @Sendable (ScriptedUpstream.Request) -> ScriptedUpstream.Reply = { request in
            switch request["x-way"] {
            case "close": .close
            case "break": .last("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")
            case "error": .bytes("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
            default: .bytes(reply("fine"))
            }
        }
        try await withPaywall([route], upstream: script) { rig in
            for (index, way) in ["close", "break", "error", "fine", "", "unpaid", "forged"].enumerated() {
                var payment = Payer().pay(nonce: UInt8(index)).line
                if way == "unpaid" { payment = "" }
                if way == "forged" { payment = Payer().pay(validBefore: Offers.start - 1).line }
                _ = try? await rig.ask("GET /x", payment + "X-Way: \(way)\r\n")
                try await rig.isIdle(on: "/x")
            }
        }
    }

    @Test("a client that leaves gives its slot back, under after when the upstream has answered")
    func leavingClient() async throws {
        var after = Self.full("/after", queue: 0)
        after.timing = .after
        let routes = [Self.full("/before", queue: 0), after]
        try await withPaywall(routes, upstream: { _ in .wait }) { rig in
            for (index, path) in ["/before", "/after"].enumerated() {
                let client = try await rig.client()
                try await client.send(request("GET \(path)", Payer().pay(nonce: UInt8(index)).line))
                await rig.upstream.requests.reaches(index + 1)
                await client.leave()
                if path == "/after" {
                    try await rig.upstream.send(reply("late"), on: rig.upstream.requests.entries[index].connection)
                }
                try await rig.isIdle(on: path)
            }
        }
    }

    @Test("a connection that was switched to another protocol holds its slot until it ends")
    func tunnel() async throws {
        try await withPaywall([Self.full("/ws", queue: 0)], upstream: { _ in .bytes(UpgradePathTests.switched) }) {
            rig in
            let client = try await rig.client()
            try await client.send(request("GET /ws", UpgradePathTests.ask + Payer().pay(nonce: 1).line))
            #expect(try await client.answerHead().start == "HTTP/1.1 101 Switching Protocols")
            let late = Payer().pay(nonce: 2)
            #expect(try await rig.ask("GET /ws", UpgradePathTests.ask + late.line).status == 503)
            #expect(try await rig.state(of: late) == "none")
            await client.leave()
            try await rig.isIdle(on: "/ws")
        }
    }

    @Test("a payer runs so many paid requests at once and no more; another payer does not notice")
    func payerConcurrency() async throws {
        var settings = RigSettings()
        settings.requestLimits = Self.limits { $0.maxConcurrentPerPayer = 1 }
        try await withPaywall(
            [TestRoute(match: "/x")], settings: settings,
            upstream: { request in
                request["x-way"] == "wait" ? .wait : .bytes(reply("fine"))
            }
        ) { rig in
            let first = try await rig.client()
            try await first.send(request("GET /x", Payer().pay(nonce: 1).line + "X-Way: wait\r\n"))
            await rig.upstream.requests.reaches(1)
            let second = Payer().pay(nonce: 2)
            let answer = try await rig.ask("GET /x", second.line)
            #expect(answer.status == 429 && answer["retry-after"] == "1" && answer["ratelimit"] == nil)
            #expect(try await rig.state(of: second) == "none")
            #expect(try await rig.ask("GET /x", Payer(2).pay().line).status == 200)
            try await rig.upstream.send(reply("done"), on: 1)
            #expect(try await first.answer().status == 200)
            #expect(try await rig.ask("GET /x", second.line).status == 200)
            #expect(rig.shared.payerCounts.ownerCount == 0)
        }
    }
}

extension PaywallRig {
    /// Waits until so many requests wait on a route.
    fileprivate func waits(_ count: Int, on route: String) async throws {
        try await eventually { self.gate(of: route)?.waitingCount == count }
    }

    /// Waits until nothing runs or waits on a route.
    fileprivate func isIdle(on route: String) async throws {
        try await eventually {
            guard let gate = self.gate(of: route) else { return false }
            return gate.runningCount == 0 && gate.waitingCount == 0
        }
    }

    private func gate(of route: String) -> ConcurrencyGate? { shared.gates.gate(named: route) }

    /// Lets others run until it is so; the suite's time limit ends a wait for nothing.
    private func eventually(_ isSo: () -> Bool) async throws {
        while !isSo() {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}
