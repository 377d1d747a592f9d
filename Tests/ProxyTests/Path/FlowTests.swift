import Facilitator
import Ledger
import NIOCore
import Primitives
import Testing
import Transport
import X402

@testable import Proxy

/// Bodies that are larger than every buffer, and requests that do not wait for each other.
@Suite("Flow", .timeLimit(.minutes(2)))
struct FlowTests {
    /// 16 MiB: more than the kernel takes on any of the four sides together.
    static let large = String(repeating: "0123456789abcdef", count: 1 << 20)

    @Test("a download waits for its reader in the upstream's socket", arguments: [true, false])
    func download(isPaid: Bool) async throws {
        try await withPaywall([TestRoute(match: "/x"), .free("/free")], upstream: { _ in .wait }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client(receiveBuffer: 16 * 1024)
            try await client.send(request("GET /\(isPaid ? "x" : "free")", isPaid ? payment.line : ""))
            await rig.upstream.requests.reaches(1)
            let written = Notebook<Void>()
            let upstream = rig.upstream
            let writing = Task {
                try await upstream.send(reply(Self.large))
                written.note(())
            }
            try await rig.barrier(50)
            #expect(written.count == 0)
            try await client.startReading()
            let answer = try await client.answer()
            #expect(answer.isWhole && answer.text == Self.large)
            try await writing.value
            if isPaid { #expect(try await rig.state(of: payment) == "settled/delivered") }
        }
    }

    @Test("an upload waits for the upstream in the client's socket", arguments: [true, false])
    func upload(isPaid: Bool) async throws {
        let settings = RigSettings(readsBodies: false)
        try await withPaywall([TestRoute(match: "/x"), .free("/free")], settings: settings) { rig in
            let client = try await rig.client()
            let head = request(
                "POST /\(isPaid ? "x" : "free")",
                (isPaid ? Payer().pay().line : "") + "Content-Length: \(Self.large.utf8.count)\r\n")
            let left = client.begin(Array((head + Self.large).utf8))
            await rig.upstream.heads.reaches(1)
            try await rig.barrier(50)
            #expect(left.count == 0)
            try await rig.upstream.readOn()
            #expect(try await client.answer().status == 200)
            #expect(rig.upstream.requests.entries.first?.text == Self.large)
        }
    }

    @Test("requests sent at once are answered in order, each with its own payment and its own log line")
    func pipelined() async throws {
        let pipe = try Pipe()
        let sink = LogSink(descriptor: pipe.writeEnd)
        let settings = RigSettings(accessLog: sink)
        let routes = [TestRoute(match: "/paid"), TestRoute(match: "/after", timing: .after), .free("/free")]
        let payment = Payer().pay(nonce: 1)
        try await withPaywall(
            routes, settings: settings, upstream: { .bytes(reply($0.line)) }
        ) { rig in
            let client = try await rig.client()
            try await client.send(
                request("GET /free?secret=1") + request("GET /paid", payment.line) + request("GET /paid?2")
                    + request("POST /free?3", body: "body") + request("GET /paid?4", payment.line)
                    + request("HEAD /after", Payer().pay(nonce: 2).line) + request("GET /nowhere")
                    + request("GET /after", Payer().pay(nonce: 3).line))
            let methods = ["GET", "GET", "GET", "POST", "GET", "HEAD", "GET", "GET"]
            var answers: [TestAnswer] = []
            for method in methods { answers.append(try await client.answer(to: method)) }
            #expect(answers.map(\.status) == [200, 200, 402, 200, 402, 200, 404, 200])
            #expect(answers[0].text == "GET /free?secret=1 HTTP/1.1" && answers[3].text == "POST /free?3 HTTP/1.1")
            #expect(rig.upstream.runs == 5)
        }
        sink.close()
        sink.run()
        let lines = try pipe.readAll().split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
        #expect(
            lines.map { $0["path"] }
                == ["/free", "/paid", "/paid", "/free", "/paid", "/after", "/nowhere", "/after"].map(JSONValue.string))
        #expect(
            lines.map { $0["method"] }
                == ["GET", "GET", "GET", "POST", "GET", "HEAD", "GET", "GET"].map(JSONValue.string))
        #expect(
            lines.map { $0["status"] }
                == ["200", "200", "402", "200", "402", "200", "404", "200"].map(JSONValue.number))
        #expect(lines.allSatisfy { $0["host"] == .string("api.example.com") })
        #expect(lines[1]["payment"] != nil && lines[1]["transaction"] != nil && lines[0]["payment"] == nil)
        #expect(lines[4]["reason"] == .string("payment_already_used"))
    }

    @Test("the log says that the client left, whatever was being answered")
    func loggedLeaving() async throws {
        let pipe = try Pipe()
        let sink = LogSink(descriptor: pipe.writeEnd)
        let rail = ScriptedRail(.refused(.insufficientFunds, message: nil), holdsSettle: true)
        try await withPaywall([TestRoute(match: "/x")], rail: rail, settings: RigSettings(accessLog: sink)) { rig in
            let client = try await rig.client()
            try await client.send(request("GET /x", Payer().pay().line))
            await rail.settleGate.isReached()
            await client.leave()
            try await rig.barrier()
            rail.settleGate.open()
            await rig.ledger.transitions.reaches(1)
            try await rig.barrier()
        }
        sink.close()
        sink.run()
        let lines = try pipe.readAll().split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
        let line = try #require(lines.first { $0["path"] == .string("/x") })
        #expect(line["status"] == .number("499") && line["remark"] == .string("client gone"))
        #expect(line["reason"] == .string("insufficient_funds"))
    }

    @Test("draining lets requests under way end, and takes no new ones")
    func drain() async throws {
        try await withPaywall([TestRoute(match: "/x", timing: .after)], upstream: { _ in .wait }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rig.upstream.requests.reaches(1)
            let paywall = rig.paywall
            let drained = Task { await paywall.drain(timeout: .seconds(60)) }
            while (try? await rig.client()) != nil { await Task.yield() }
            try await rig.upstream.send(reply("late"))
            let answer = try await client.answer()
            #expect(answer.status == 200 && answer["connection"] == "close")
            await drained.value
            #expect(try await rig.state(of: payment) == "settled/delivered")
        }
    }

    @Test("an answer that draining cuts off was not delivered")
    func drainedAnswer() async throws {
        try await withPaywall([TestRoute(match: "/x")], upstream: { _ in .wait }) { rig in
            let payment = Payer().pay()
            let client = try await rig.client()
            try await client.send(request("GET /x", payment.line))
            await rig.upstream.requests.reaches(1)
            try await rig.upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            _ = try await client.answerHead()
            await rig.paywall.drain(timeout: .zero)
            #expect(try await rig.state(of: payment) == "settled/undelivered")
        }
    }
}
