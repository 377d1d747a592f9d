import Facilitator
import Pricing
import RouteFile
import Testing
import X402

@testable import farebox

@Suite("Commands that read a route file")
struct RouteFileCommandTests {
    private static let text = """
        [server]
        listen = "127.0.0.1:8402"
        public_url = "https://api.example.com:8443"

        [payments]
        pay_to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
        accepts = ["usdc@base-sepolia"]

        [[upstreams]]
        name = "api"
        url = "http://127.0.0.1:9000"

        [[routes]]
        match = "GET /v1/weather/:city"
        upstream = "api"
        price = "$0.001"

        [[routes]]
        match = "/open/*"
        host = "api.example.com"
        upstream = "api"
        price = "free"

        [[adapters]]
        kind = "evm"
        id = "chain"
        networks = ["eip155:84532"]
        [adapters.backend]
        type = "mock"
        """

    private func file(_ text: String = Self.text) throws -> RouteFile { try RouteFile.parse(text: text) }

    private func ask(_ method: String, _ url: String, of file: RouteFile) -> PriceReport {
        PriceReport(method: method, explanation: file.explain(method: method, target: url), file: file)
    }

    @Test("a priced request tells route, amount and adapter")
    func priced() throws {
        let report = ask("GET", "/v1/Weather/berlin/?x=1", of: try file())
        #expect(report.isForwarded)
        #expect(report.json["route"] == .string("GET /v1/weather/:city"))
        #expect(report.json["price"] == .string("$0.001"))
        guard case .array(let offers)? = report.json["offers"] else {
            Issue.record("no offers")
            return
        }
        #expect(offers.map { $0["requirements"]?["amount"] } == [.string("1000")])
        #expect(offers.map { $0["adapter"] } == [.string("chain")])
        #expect(report.lines.contains { $0.contains("1000 (0.001)") })
    }

    @Test(
        "what would not be forwarded is told with its status",
        arguments: [
            ("POST", "/v1/weather/x", 405), ("GET", "/v1/nothing", 404), ("GET", "/v1//weather/x", 400),
            ("GET", "/v1/weather/..%2fx", 400), ("GET", "http://user@h/v1/weather/x", 400),
        ])
    func refused(method: String, url: String, status: Int) throws {
        let report = ask(method, url, of: try file())
        #expect(!report.isForwarded)
        #expect(report.json["status"] == .integer(status))
        #expect(report.lines.contains { $0.hasPrefix("answer") && $0.hasSuffix("\(status)") })
    }

    @Test("a good file is told with its recipients, a bad one with every mistake")
    func check() throws {
        let good = CheckReport(.success(try file()))
        #expect(good.isGood)
        #expect(good.json["payTo"] == .array([.string("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")]))
        #expect(good.lines.first == "good: 2 routes, 1 upstream, 1 adapter")

        let text = Self.text.replacing("usdc@base-sepolia", with: "usdc@bas").replacing(
            "price = \"free\"", with: "pric = 1")
        let bad = CheckReport(Result { () throws(RouteFileErrors) in try RouteFile.parse(text: text) })
        #expect(!bad.isGood)
        #expect(bad.lines.contains { $0.contains("routes.toml:7:") && $0.contains("`usdc@base`") })
        #expect(bad.lines.contains { $0.contains("`price`") })
        #expect(bad.lines.last == "3 mistakes")
    }

    @Test("a running process names the changes that it cannot take over")
    func restart() throws {
        let now = NodePlan(file: try file())
        #expect(now.restartNeeded(for: now).isEmpty)
        let next = Self.text.replacing("8402", with: "8403").replacing(
            "[payments]", with: "[ledger]\nurl = \"memory:\"\n[payments]"
        )
        .replacing("public_url", with: "access_log = false\nmax_connections = 5\npublic_url")
        #expect(now.restartNeeded(for: NodePlan(file: try file(next))) == ["ledger.url"])
        let dearer = Self.text.replacing("$0.001", with: "$0.002")
        #expect(now.restartNeeded(for: NodePlan(file: try file(dearer))).isEmpty)
    }

    @Test("a file that serves nothing is none to serve with")
    func servesNothing() throws {
        #expect(NodePlan(file: try file()).servesNothing == nil)
        #expect(NodePlan(file: try file("")).servesNothing == "has no routes")
        #expect(NodePlan(file: try file(), servesPaywall: false).servesNothing == "has no [facilitator]")
        #expect(NodePlan(file: try file("[facilitator]"), servesPaywall: false).servesNothing == nil)
    }

    @Test("a free port is advertised as it was bound only where the file names no public URL")
    func freePort() throws {
        #expect(!NodePlan(file: try file()).advertisesFreePort)
        let free = Self.text.replacing("8402", with: "0")
        #expect(!NodePlan(file: try file(free)).advertisesFreePort)
        let unnamed = free.replacing("public_url = \"https://api.example.com:8443\"", with: "")
        #expect(NodePlan(file: try file(unnamed)).advertisesFreePort)
    }

    @Test("the demo's file is good, and keeps nothing")
    func demo() throws {
        let plan = try DemoPlan.make(listen: "127.0.0.1:0", upstreamPort: 9)
        #expect(plan.file.ledger == .memory)
        #expect(plan.file.routes.map(\.name) == [DemoPlan.pattern])
        #expect(plan.file.routes.map { $0.requirements.count } == [1])
        #expect(!plan.hasAccessLog)
    }
}
