import Pricing
import Primitives
import RouteFile
import Testing

@Suite("The price of a request")
struct ExplainTests {
    private func file(_ server: String = "") throws -> RouteFile {
        let routes = """
            [[routes]]
            match = "GET /v1/weather/:city"
            price = "$0.0015"
            [[routes]]
            match = "/v1/*"
            price = "free"
            [[routes]]
            match = "GET api.example.com/v1/only"
            price = "$2"
            """
        return try RouteFile.parse(text: SmallFile.text(server: server, routes: routes))
    }

    @Test("names route, amount and what else would match")
    func priced() throws {
        let explanation = try file().explain(method: "GET", target: "/v1/weather/bergen?x=1")
        #expect(explanation.outcome == .route(0))
        #expect(explanation.forwarded == "/v1/weather/bergen?x=1")
        #expect(
            explanation.reasons == [
                "matches `GET /v1/weather/:city` in line 15",
                "`/v1/*` in line 18 would match too, and is less specific",
                "the price is $0.0015, settled before the request is forwarded",
            ])
        let amount = try #require(explanation.amounts.first)
        #expect(amount.units == UInt256(1500) && amount.decimal == "0.0015")
        #expect(
            amount.asset == "usdc@base-sepolia" && amount.network == "eip155:84532" && amount.adapter == "demo-chain")
        #expect(amount.payTo == SmallFile.payee)
    }

    @Test("takes a full URL's host, and the public one for a path")
    func hosts() throws {
        let file = try file()
        #expect(file.explain(method: "GET", target: "https://api.example.com/v1/only").outcome == .route(2))
        #expect(
            file.explain(method: "GET", target: "http://api.example.com:8402/v1/only#x").outcome == .refused(.fragment))
        #expect(file.explain(method: "GET", target: "/v1/only").outcome == .route(1))
        #expect(file.explain(method: "GET", target: "/v1/only").host == "127.0.0.1:8402")
        let named = try self.file("public_url = \"https://api.example.com\"")
        #expect(named.explain(method: "GET", target: "/v1/only").outcome == .route(2))
    }

    @Test("says why there is none")
    func none() throws {
        let file = try file()
        #expect(file.explain(method: "GET", target: "/other").outcome == .notFound)
        #expect(file.explain(method: "POST", target: "/v1/weather/x").outcome == .methodNotAllowed(allow: "GET, HEAD"))
        #expect(file.explain(method: "GET", target: "/v1/../x").outcome == .refused(.dotSegment))
        #expect(file.explain(method: "GET", target: "weather").outcome == .notATarget)
        #expect(file.explain(method: "GET", target: "/v1/x").amounts.isEmpty)
        let free = try self.file("unmatched = \"free\"\nunmatched_upstream = \"api\"")
        #expect(free.explain(method: "GET", target: "/other").outcome == .unmatchedFree(upstream: 0))
    }

    @Test("shows what a rewritten target becomes")
    func rewritten() throws {
        let explanation = try file().explain(method: "GET", target: "/v1/%77eather/x")
        #expect(explanation.forwarded == "/v1/weather/x")
        #expect(explanation.reasons.first == "the canonical target is /v1/weather/x")
    }
}
