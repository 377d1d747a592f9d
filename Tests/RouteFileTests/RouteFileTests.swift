import EVM
import Facilitator
import Ledger
import NIOCore
import Pricing
import Primitives
import Proxy
import RouteFile
import Testing
import Transport
import X402

/// Files are written around this one.
enum SmallFile {
    static let payee = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"

    static func text(
        server: String = "", payments: String = "",
        routes: String = "[[routes]]\nmatch = \"GET /x\"\nprice = \"$0.001\"\n",
        rest: String = ""
    ) -> String {
        """
        [server]
        \(server)
        [payments]
        pay_to = "\(payee)"
        accepts = ["usdc@base-sepolia"]
        \(payments)
        [[upstreams]]
        name = "api"
        url = "http://127.0.0.1:9000"
        [[adapters]]
        kind = "evm"
        id = "demo-chain"
        networks = ["eip155:84532"]
        backend = { type = "mock" }
        \(routes)
        \(rest)
        """
    }
}

@Suite("A route file")
struct RouteFileTests {
    @Test("of a few lines has every default")
    func defaults() throws {
        let file = try RouteFile.parse(text: SmallFile.text())
        #expect(file.server.listen == [.host("127.0.0.1", port: 8402)])
        #expect(file.server.publicURL == "http://127.0.0.1:8402")
        #expect(file.server.unmatched == .deny)
        #expect(file.server.limits.head.maxHeadBytes == 16 * 1024)
        #expect(file.server.limits.head.maxTargetBytes == 8 * 1024)
        #expect(file.server.limits.head.maxFields == 100)
        #expect(file.server.limits.maxBodyBytes == nil)
        #expect(file.server.limits.headerTimeout == .seconds(10))
        #expect(file.server.limits.idleTimeout == .seconds(75))
        #expect(file.server.drainTimeout == .seconds(30))
        #expect(file.facilitator == nil)
        #expect(file.ledger == .sqlite(path: "farebox.db"))
        #expect(file.maxValidity == .seconds(86_400))
        #expect(file.warnings.isEmpty)
        let upstream = try #require(file.upstreams.first)
        let server = try #require(upstream.configuration.members.first).configuration
        #expect(server.address == .host("127.0.0.1", port: 9000))
        #expect(server.connectTimeout == .seconds(5))
        #expect(server.firstByteTimeout == .seconds(60))
        #expect(!upstream.keepsEncodedSlash)
    }

    @Test("makes a route's offers of its price and assets")
    func offers() throws {
        let file = try RouteFile.parse(text: SmallFile.text())
        let route = try #require(file.routes.first)
        #expect(route.timing == .before)
        #expect(route.redeliveries == 3)
        #expect(
            route.chargeOn.statuses.contains(204) && route.chargeOn.statuses.contains(302)
                && !route.chargeOn.statuses.contains(404))
        #expect(route.forwardPayment == .none)
        let usdc = try #require(AssetCatalogue.asset(id: "usdc@base-sepolia"))
        #expect(
            route.requirements == [
                PaymentRequirements(
                    network: Network(chainID: 84_532), asset: .address(usdc.address), amount: UInt256(1000),
                    payTo: Account(SmallFile.payee), maxTimeoutSeconds: 60,
                    extra: OfferExtra(name: "USDC", version: "2"))
            ])
        #expect(route.allOffers.first?.versions == [1, 2])
        #expect(route.allOffers.first?.adapter == "demo-chain")
    }

    @Test("lets a route say anew what it inherits")
    func inheritance() throws {
        let routes = """
            [[routes]]
            match = "/a"
            price = "$1"
            [[routes]]
            match = "/b"
            price = "$1"
            settle = "before"
            pay_to = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
            max_timeout_seconds = 30
            charge_on = [200, "404"]
            charge_within = "250ms"
            redeliveries = 0
            forward_payment = "none"
            description = "b"
            mime_type = "text/plain"
            """
        let payments =
            "settle = \"after\"\nmax_timeout_seconds = 120\nredeliveries = 5\nforward_payment = \"plain\"\ncharge_on = \"2xx\"\ncharge_min_bytes = \"1KiB\"\ncharge_within = \"5s\""
        let file = try RouteFile.parse(text: SmallFile.text(payments: payments, routes: routes))
        let (first, second) = (file.routes[0], file.routes[1])
        #expect(first.timing == .after && second.timing == .before)
        #expect(first.maxTimeoutSeconds == 120 && second.maxTimeoutSeconds == 30)
        #expect(first.requirements[0].maxTimeoutSeconds == 120 && second.requirements[0].maxTimeoutSeconds == 30)
        #expect(first.redeliveries == 5 && second.redeliveries == 0)
        #expect(first.forwardPayment == .plain && second.forwardPayment == .none)
        #expect(first.chargeOn.statuses.contains(201) && !first.chargeOn.statuses.contains(301))
        #expect(second.chargeOn.statuses.contains(404) && !second.chargeOn.statuses.contains(201))
        #expect(first.chargeOn.leastBytes == 1024 && second.chargeOn.leastBytes == 1024)
        #expect(first.chargeOn.within == .seconds(5) && second.chargeOn.within == .milliseconds(250))
        #expect(second.requirements[0].payTo == Account("0x5FbDB2315678afecb367f032d93F642f64180aa3"))
        #expect(second.description == "b" && second.mimeType == "text/plain")
    }

    @Test("rounds dollars up for each asset, and takes units where they are given")
    func prices() throws {
        let routes = """
            [[assets]]
            id = "usd@bank"
            network = "offchain:bank"
            address = "USD"
            decimals = 2
            peg = "usd"
            [[assets]]
            id = "gold@base-sepolia"
            network = "eip155:84532"
            address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
            decimals = 18
            name = "Gold"
            version = "1"
            [[adapters]]
            kind = "offchain"
            id = "bank"
            networks = ["offchain:bank"]
            backend = { type = "mock" }
            [[routes]]
            match = "/x"
            price = "$0.0000015, 7 gold@base-sepolia"
            accepts = ["gold@base-sepolia", "usdc@base-sepolia", "usd@bank"]
            pay_to = { "eip155:*" = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "offchain:bank" = "account-1" }
            """
        let file = try RouteFile.parse(text: SmallFile.text(routes: routes))
        let route = try #require(file.routes.first)
        #expect(route.requirements.map(\.amount) == [UInt256(7), UInt256(2), UInt256(1)])
        #expect(route.requirements.map(\.payTo.description) == [SmallFile.payee, SmallFile.payee, "account-1"])
        #expect(route.allOffers.map(\.versions) == [[1, 2], [1, 2], [2]])
        #expect(route.requirements[2].asset == .named("USD"))
        #expect(route.requirements[2].extra == OfferExtra())
    }

    @Test("tells versions apart: version 1 only where its adapter and a network name are there")
    func versions() throws {
        let text = SmallFile.text().replacing(
            "networks = [\"eip155:84532\"]", with: "networks = [\"eip155:84532\"]\nx402_version = 2")
        #expect(try RouteFile.parse(text: text).routes[0].allOffers[0].versions == [2])
        let local = """
            [[assets]]
            id = "usdc@local"
            network = "eip155:31337"
            address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
            decimals = 6
            name = "USD Coin"
            version = "2"
            peg = "usd"
            [[adapters]]
            kind = "evm"
            id = "local"
            networks = ["eip155:*"]
            backend = { type = "mock" }
            [[routes]]
            match = "/x"
            price = "$1"
            accepts = ["usdc@local", "usdc@base-sepolia"]
            """
        let file = try RouteFile.parse(text: SmallFile.text(routes: local))
        #expect(file.routes[0].allOffers.map(\.versions) == [[2], [1, 2]])
        #expect(file.routes[0].allOffers.map(\.adapter) == ["local", "demo-chain"])
        guard case .mockEVM(let settings)? = file.adapters.last?.backend else { Issue.record("not a mock"); return }
        #expect(settings.domains.contains { $0.chainID == 31337 && $0.name == "USD Coin" })
    }

    @Test("makes adapters of every kind")
    func adapters() throws {
        let rest = """
            [[adapters]]
            kind = "offchain"
            id = "bank"
            networks = ["offchain:bank"]
            signers = ["bank-facilitator"]
            other_fields = ["memo"]
            [adapters.backend]
            type = "http"
            base_url = "https://payments.internal/api"
            api_key_env = "BANK_KEY"
            timeout_seconds = 3
            idempotent = true
            [[adapters]]
            kind = "remote"
            id = "hosted"
            networks = ["eip155:*"]
            url = "https://facilitator.example.com"
            settle_timeout = "45s"
            """
        let file = try RouteFile.parse(
            text: SmallFile.text(payments: "max_validity = \"2h\"", rest: rest), environment: ["BANK_KEY": "k"])
        guard case .bridge(let bridge) = file.adapters[1].backend, case .remote(let remote) = file.adapters[2].backend,
            case .mockEVM(let mock) = file.adapters[0].backend
        else { Issue.record("other kinds"); return }
        #expect(
            bridge.baseURL == "https://payments.internal/api" && bridge.timeout == .seconds(3) && bridge.isIdempotent)
        #expect(bridge.verifyPath == "/verify" && bridge.settlePath == "/settle")
        #expect(bridge.apiKey == Secret("k"))
        #expect(bridge.fields.identity == ["paymentIntentId", "signature"] && bridge.fields.others == ["memo"])
        #expect(file.adapters[1].scope.versions == [2] && file.adapters[1].scope.signers == ["bank-facilitator"])
        #expect(remote.settleTimeout == .seconds(45) && remote.timeout == .seconds(10) && remote.apiKey == nil)
        #expect(remote.policy.maxValidity == 7200 && mock.policy.maxValidity == 7200)
    }

    @Test("gives routes of one price one class, so that doubtful targets pass between them")
    func costClasses() throws {
        let routes = """
            [[routes]]
            match = "/a"
            price = "$1"
            [[routes]]
            match = "/*"
            price = "$1.00"
            [[routes]]
            match = "/dear"
            price = "$2"
            """
        let file = try RouteFile.parse(text: SmallFile.text(routes: routes))
        #expect(file.explain(method: "GET", target: "/a.").outcome == .route(1))
        #expect(file.explain(method: "GET", target: "/dear.").outcome == .refused(.ambiguousEdge))
    }

    @Test("keeps encoded slashes only for upstreams that ask for them")
    func encodedSlash() throws {
        let rest = "[[upstreams]]\nname = \"npm\"\nurl = \"unix:/run/npm.sock\"\nencoded_slash = \"keep\"\n"
        let routes = """
            [[routes]]
            match = "/npm/*"
            upstream = "npm"
            price = "$1"
            [[routes]]
            match = "/api/*"
            upstream = "api"
            price = "$1"
            """
        let file = try RouteFile.parse(text: SmallFile.text(routes: routes, rest: rest))
        #expect(file.upstreams[1].configuration.members[0].configuration.address == .unix("/run/npm.sock"))
        #expect(file.explain(method: "GET", target: "/npm/@a%2Fb").outcome == .route(0))
        #expect(file.explain(method: "GET", target: "/api/@a%2Fb").outcome == .refused(.encodedSlash))
        let plain = try RouteFile.parse(text: SmallFile.text(routes: "[[routes]]\nmatch = \"/*\"\nprice = \"free\""))
        #expect(plain.explain(method: "GET", target: "/a%2Fb").outcome == .refused(.encodedSlash))
    }

    @Test("reads a byte order mark, CRLF and tabs like any other file")
    func lineEnds() throws {
        let text = "\u{FEFF}" + SmallFile.text().replacing(" = ", with: "\t=\t").replacing("\n", with: "\r\n")
        #expect(try RouteFile.parse(text: text).routes.count == 1)
    }

    @Test("is bounded in size")
    func size() {
        let bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: RouteFile.maximumBytes + 1)
        #expect(throws: RouteFileErrors.self) { try RouteFile.parse(bytes, fileName: "x", environment: [:]) }
        #expect(throws: Never.self) { try RouteFile.parse(bytes.dropLast(), fileName: "x", environment: [:]) }
    }

    @Test("that is not there is a mistake of its own")
    func missing() {
        let errors = #expect(throws: RouteFileErrors.self) {
            try RouteFile.load(path: "no/such/routes.toml", environment: [:])
        }
        #expect(errors?.description == "routes.toml: cannot be read")
    }
}
