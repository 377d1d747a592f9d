import Pricing
import Primitives
import RouteFile
import Testing
import X402

@Suite("[routes.price]")
struct PriceTableTests {
    private func file(_ table: String, match: String = "GET,POST /v1/:city", rest: String = "") throws -> RouteFile {
        try RouteFile.parse(
            text: SmallFile.text(routes: "[[routes]]\nmatch = \"\(match)\"\n\(rest)\n[routes.price]\n\(table)"))
    }

    private static let rules = """
        default = "$0.01"
        [[routes.price.rules]]
        name = "gold"
        when = { header.x-tier = "gold", query.size = ">= 1024" }
        price = "$0.02"
        [[routes.price.rules]]
        name = "paris"
        when = { path.city = "par*", method = "POST" }
        price = "free"
        [[routes.price.rules]]
        name = "large"
        when = { body.model = ["gpt-4o*", "o1"], "body.messages[0].role" = "user", absent = "body.stream" }
        price = "$0.05"
        [[routes.price.rules]]
        name = "weekend"
        when = { time = "Sat,Sun" }
        price = "$0.01"
        """

    @Test("has a sheet for each price, and rules that name them")
    func sheets() throws {
        let route = try #require(try file(Self.rules).routes.first)
        #expect(route.sheets.map(\.price) == ["$0.02", "free", "$0.05", "$0.01"])
        #expect(
            route.sheets.map { $0.offers.first?.requirements.amount.description } == ["20000", nil, "50000", "10000"])
        guard case .table(let table) = route.price else { throw PriceError.notAPrice }
        #expect(table.rules.map(\.amount) == [0, 1, 2, 3])
        #expect(table.fallback == .amount(3))
        #expect(
            table.fields.map(\.description) == [
                "header.x-tier", "query.size", "path.city", "body.stream", "body.model", "body.messages.0.role",
            ])
        #expect(route.bodyPrice == BodyPriceSettings(maxBytes: 65_536, dearest: nil))
        #expect(!route.isFree && route.pricesByPath)
    }

    @Test("takes costs with a margin for one price, rates for assets without a peg, and keeps its bounds")
    func costs() throws {
        let asset = """
            [[assets]]
            id = "weth@base-sepolia"
            network = "eip155:84532"
            address = "0x4200000000000000000000000000000000000006"
            decimals = 18
            name = "Wrapped Ether"
            version = "1"
            """
        let table = """
            cost = "$0.004"
            margin = "25%"
            minimum = "$0.002"
            rate = { "weth@base-sepolia" = "$3100.50" }
            [[routes.price.rules]]
            when = { query.size = "small" }
            cost = "$0.001"
            [[routes.price.rules]]
            when = { query.size = "large" }
            price = "$0.1, 77 weth@base-sepolia"
            """
        let text = SmallFile.text(
            routes:
                "[[routes]]\nmatch = \"/x\"\naccepts = [\"usdc@base-sepolia\", \"weth@base-sepolia\"]\n[routes.price]\n\(table)",
            rest: asset)
        let file = try RouteFile.parse(text: text)
        let route = try #require(file.routes.first)
        #expect(route.sheets.map(\.price) == ["$0.002", "$0.1, 77 weth@base-sepolia", "$0.005"])
        #expect(
            route.sheets.map { $0.offers.map { $0.requirements.amount.description } } == [
                // 0.002 / 3100.50 × 10^18 = 645057248830.83…
                ["2000", "645057248831"], ["100000", "645057248831"], ["5000", "1612643122078"],
            ])
        #expect(file.warnings.map(\.reason) == ["is raised to `minimum` in weth@base-sepolia"])
    }

    @Test("asks the dearest in each asset for what cannot be read, where it says so")
    func dearest() throws {
        let table = """
            default = "$0.01, 9 usdc@base"
            on_unreadable_body = "dearest"
            max_body_bytes = "1KiB"
            [[routes.price.rules]]
            when = { body.size = "> 5" }
            price = "$0.05, 3 usdc@base"
            """
        var text = SmallFile.text(
            routes:
                "[[routes]]\nmatch = \"/x\"\naccepts = [\"usdc@base-sepolia\", \"usdc@base\"]\n[routes.price]\n\(table)"
        )
        text = text.replacing("networks = [\"eip155:84532\"]", with: "networks = [\"eip155:*\"]")
        let body = try #require(try RouteFile.parse(text: text).routes.first?.bodyPrice)
        #expect(body.maxBytes == 1024)
        #expect(body.dearest?.offers.map { $0.requirements.amount.description } == ["50000", "9"])
    }

    // MARK: Explanations

    private func explain(
        _ method: String, _ target: String, _ content: PricedContent = PricedContent()
    ) throws -> PriceExplanation {
        try file(Self.rules).explain(method: method, target: target, with: content)
    }

    @Test("is explained rule by rule")
    func explained() throws {
        let explanation = try explain("GET", "/v1/oslo?size=99", PricedContent(fields: [("X-Tier", "gold")]))
        #expect(explanation.price == "$0.01" && explanation.rule == nil)
        #expect(
            Array(explanation.reasons.dropFirst()) == [
                "the rule `gold` does not apply: query.size = \">= 1024\", and it is \"99\"",
                "the rule `paris` does not apply: method = POST, and it is GET",
                "the rule `large` does not apply: body.model = [\"gpt-4o*\", \"o1\"], and it is absent",
                "the rule `weekend` does not apply: time = \"Sat,Sun\"",
                "no rule applies",
                "the price is $0.01, settled before the request is forwarded",
            ])
        let gold = try explain("GET", "/v1/oslo?size=1024", PricedContent(fields: [("X-Tier", "gold")]))
        #expect(gold.rule == "gold" && gold.price == "$0.02")
        #expect(gold.reasons[1] == "the rule `gold` applies: header.x-tier = \"gold\", query.size = \">= 1024\"")
        let free = try explain("POST", "/v1/paris")
        #expect(free.rule == "paris" && free.price == "free" && free.amounts.isEmpty)
    }

    @Test("is explained with a body, a time, and what cannot be priced")
    func explainedBodies() throws {
        let body = #"{"model": "gpt-4o-mini", "messages": [{"role": "user"}]}"#
        #expect(try explain("POST", "/v1/oslo", PricedContent(body: Array(body.utf8))).rule == "large")
        let saturday = PricedContent(now: UnixTime(2 * 86_400))
        #expect(try explain("GET", "/v1/oslo", saturday).rule == "weekend")
        func status(_ target: String, _ content: PricedContent) throws -> Int? {
            guard case .unpriced(_, let status) = try explain("POST", target, content).outcome else { return nil }
            return status
        }
        #expect(try status("/v1/PARIS", PricedContent()) == 400)
        #expect(try status("/v1/oslo", PricedContent(body: Array("model=o1".utf8))) == 400)
        #expect(try status("/v1/oslo", PricedContent(body: Array(body.replacing("gpt", with: "GPT").utf8))) == 400)
        let form = PricedContent(fields: [("content-type", "text/plain")], body: Array(body.utf8))
        #expect(try status("/v1/oslo", form) == 415)
        let long = "{\"x\": \"" + String(repeating: "x", count: 70_000) + "\"}"
        #expect(try status("/v1/oslo", PricedContent(body: Array(long.utf8))) == 413)
    }

    @Test("makes the path that it looks at a class of its own, so that no other spelling is cheaper")
    func paths() throws {
        let table = """
            default = "$0.01"
            [[routes.price.rules]]
            when = { path.city = "paris" }
            price = "$0.05"
            """
        let file = try file(table, match: "GET /v1/:city")
        for target in ["/v1/paris.json", "/v1/Paris", "/v1/paris."] {
            let outcome = file.explain(method: "GET", target: target).outcome
            #expect(outcome == .unpriced(route: 0, status: 400), "\(target)")
        }
        #expect(file.explain(method: "GET", target: "/v1/%70aris").rule == "rule-1")
        #expect(file.explain(method: "GET", target: "/v1/oslo.json").price == "$0.01")
    }
}
