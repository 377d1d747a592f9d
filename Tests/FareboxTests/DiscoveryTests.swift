import Pricing
import Proxy
import RouteFile
import Testing
import X402

@testable import farebox

@Suite("What is sold, told and read again")
struct DiscoveryTests {
    private static let base = """
        [server]
        public_url = "https://api.example.com"
        [payments]
        pay_to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
        accepts = ["usdc@base-sepolia"]
        [[adapters]]
        kind = "evm"
        id = "chain"
        networks = ["eip155:84532"]
        [adapters.backend]
        type = "mock"

        """

    private static let upstream = """
        [[upstreams]]
        name = "api"
        url = "http://10.0.0.7:9000"

        """

    private static let routes = """
        [[routes]]
        match = "GET /v1/weather/:city"
        price = "$0.001"
        description = "The weather of a city"
        mime_type = "application/json"
        [[routes]]
        match = "POST /v1/weather/:place"
        price = "$0.02, 300 usdc@base-sepolia"
        [[routes]]
        match = "/files/:rest/*"
        price = "$1"
        [[routes]]
        match = "GET,PUT /a%20b"
        price = "1000 usdc@base-sepolia"
        [[routes]]
        match = "GET /"
        price = "$5"

        """

    private static let hidden = """
        [[routes]]
        match = "GET /health"
        price = "free"
        [[routes]]
        match = "GET /secret"
        price = "$1"
        discoverable = false
        [[routes]]
        match = "GET /ruled"
        [routes.price]
        default = "$0.01"
        [[routes.price.rules]]
        name = "staff"
        when = { header.x-staff-key = "hunter2" }
        price = "free"
        [[routes.price.rules]]
        name = "large"
        when = { query.size = "512*" }
        price = "$0.05"

        """

    private static func text(_ document: DiscoveryDocument) -> String {
        String(decoding: document.bytes, as: UTF8.self)
    }

    @Test("comes back as the same routes when it is imported")
    func roundTrip() throws {
        let file = try RouteFile.parse(text: Self.base + Self.upstream + Self.routes)
        let document = DiscoveryBook(file, origin: "https://api.example.com").document(.openAPI)
        let imported = try OpenAPIImport.read(
            try OpenAPIText.parse(document.bytes), OpenAPIImport.Options(upstreamURL: "http://10.0.0.7:9000"))
        #expect(imported.warnings.isEmpty)
        let again = try RouteFile.parse(text: Self.base + imported.toml)
        #expect(again.routes.map(\.name) == file.routes.map(\.name))
        for (one, other) in zip(file.routes, again.routes) {
            #expect(one.sheets == other.sheets && one.description == other.description)
            #expect(one.mimeType == other.mimeType && one.pattern == other.pattern)
        }
        #expect(DiscoveryBook(again, origin: "https://api.example.com").document(.openAPI).bytes == document.bytes)
    }

    @Test("tells nothing of upstreams, rules, free routes and what does not want to be found")
    func hidden() throws {
        let file = try RouteFile.parse(text: Self.base + Self.upstream + Self.routes + Self.hidden)
        let book = DiscoveryBook(file, origin: "https://api.example.com")
        for kind in DiscoveryKind.allCases {
            let text = Self.text(book.document(kind))
            for word in ["10.0.0.7", "9000", "health", "secret", "staff", "hunter2", "512", "size"] {
                #expect(!text.contains(word), "\(word) in \(text)")
            }
            #expect(text.contains("/ruled"))
        }
        let json = try JSONValue.parse(
            book.document(.openAPI).bytes, limits: JSONLimits(maxDepth: 32, maxBytes: 1 << 20, maxOpenMembers: 4_096))
        let info = json["paths"]?["/ruled"]?["get"]?["x-payment-info"]
        #expect(info?["price"]?["mode"] == .string("dynamic") && info?["price"]?["min"] == .string("0"))
        #expect(info?["price"]?["max"] == .string("0.05") && info?["text"] == .string("from $0 to $0.05"))
        let fixed = json["paths"]?["/v1/weather/{city}"]?["get"]?["x-payment-info"]?["price"]
        #expect(fixed?["mode"] == .string("fixed") && fixed?["amount"] == .string("0.001"))
    }

    @Test("leaves a path to the route that names it, and not to one for everything")
    func ownRoutes() throws {
        func serves(_ match: String) throws -> [DiscoveryKind] {
            let route = "[[routes]]\nmatch = \"\(match)\"\nprice = \"$1\"\n"
            let file = try RouteFile.parse(text: Self.base + Self.upstream + route)
            let book = DiscoveryBook(file, origin: "https://api.example.com")
            return DiscoveryKind.allCases.filter(book.serves)
        }
        #expect(try serves("/*") == DiscoveryKind.allCases)
        #expect(try serves("GET /:a/:b") == DiscoveryKind.allCases)
        #expect(try serves("GET /.well-known/x402") == [.openAPI])
        #expect(try serves("POST /.well-known/x402/openapi.json") == [.resources])
        #expect(try serves("/.well-known/*") == [])
        #expect(try serves("/.well-known/:what") == [.openAPI])
    }

    @Test("tells each host its own, where the file names no public address")
    func hosts() throws {
        let text = """
            [[routes]]
            match = "GET a.example.com/x"
            price = "$1"
            [[routes]]
            match = "GET b.example.com/x"
            price = "$2"
            [[routes]]
            match = "GET /x"
            price = "$3"
            [[routes]]
            match = "GET /y"
            price = "$4"

            """
        let base = Self.base.replacing("public_url = \"https://api.example.com\"\n", with: "")
        let file = try RouteFile.parse(text: base + Self.upstream + text)
        let book = DiscoveryBook(file, origin: "http://127.0.0.1:8402")
        let told = book.document(.openAPI, host: "b.example.com", origin: "https://b.example.com")
        let json = try JSONValue.parse(
            told.bytes, limits: JSONLimits(maxDepth: 32, maxBytes: 1 << 20, maxOpenMembers: 4_096))
        #expect(json["paths"]?["/x"]?["get"]?["x-payment-info"]?["text"] == .string("$2"))
        #expect(json["servers"] == .array([.object([JSONMember("url", .string("https://b.example.com"))])]))
        let other = book.document(.resources, host: "c.example.com")
        #expect(Self.text(other).contains("http://127.0.0.1:8402/x") && !Self.text(other).contains("$2"))
        #expect(
            book.document(.openAPI, host: "b.example.com", origin: "https://b.example.com").entityTag == told.entityTag)
    }
}
