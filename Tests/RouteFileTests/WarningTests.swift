import Facilitator
import RouteFile
import Testing
import X402

@Suite("Warnings of a good file")
struct WarningTests {
    private func warnings(_ server: String = "", rest: String = "", environment: [String: String] = [:]) throws
        -> [String]
    {
        try RouteFile.parse(text: SmallFile.text(server: server, rest: rest), environment: environment)
            .warnings.map(\.key)
    }

    @Test("name a facilitator that is open to the world without keys")
    func openFacilitator() throws {
        #expect(try warnings(rest: "[facilitator]") == ["facilitator.listen"])
        #expect(try warnings(rest: "[facilitator]\nlisten = \"127.0.0.1:3402\"").isEmpty)
        #expect(try warnings(rest: "[facilitator]\nopen = true").isEmpty)
        let keys = ["KEYS": "shop:0123456789abcdef"]
        #expect(try warnings(rest: "[facilitator]\napi_keys_env = \"KEYS\"", environment: keys).isEmpty)
    }

    @Test("name an origin that payers elsewhere cannot reach")
    func publicURL() throws {
        #expect(try warnings("listen = \"0.0.0.0:80\"") == ["server.public_url"])
        #expect(try warnings("listen = \"0.0.0.0:80\"\npublic_url = \"https://api.example.com\"").isEmpty)
    }

    @Test("name a ledger that forgets")
    func memory() throws {
        #expect(try warnings(rest: "[ledger]\nurl = \"memory:\"") == ["ledger.url"])
    }

    @Test("name a price that another Host does not ask")
    func otherHost() throws {
        func keys(_ routes: String, server: String = "") throws -> [String] {
            try RouteFile.parse(text: SmallFile.text(server: server, routes: routes)).warnings.map(\.key)
        }
        let paid = "[[routes]]\nmatch = \"GET api.example.com/x/:id\"\nprice = \"$1\"\n"
        let free = "[[routes]]\nmatch = \"/*\"\nprice = \"free\"\n"
        #expect(try keys(paid).isEmpty)
        #expect(try keys(paid + free) == ["routes[0]"])
        #expect(try keys(free + paid) == ["routes[1]"])
        #expect(try keys(paid + "[[routes]]\nmatch = \"/*\"\nprice = \"$1\"\n").isEmpty)
        #expect(try keys(paid, server: "unmatched = \"free\"\nunmatched_upstream = \"api\"") == ["routes[0]"])
        let elsewhere =
            free + "upstream = \"other\"\n[[upstreams]]\nname = \"other\"\nurl = \"http://127.0.0.1:9001\"\n"
        #expect(try keys(paid + "upstream = \"api\"\n" + elsewhere).isEmpty)
    }

    @Test("name an upstream that anybody can pose as")
    func unverified() throws {
        func keys(_ tls: String) throws -> [String] {
            let far = "upstream = \"far\"\n[[upstreams]]\nname = \"far\"\nurl = \"https://127.0.0.1:9443\"\n"
            return try warnings(rest: far + "tls = { \(tls) }\n")
        }
        #expect(try keys("verify = true").isEmpty)
        #expect(try keys("verify = false") == ["upstreams[1].tls.verify"])
    }

    @Test("name a file that serves nothing")
    func nothing() throws {
        #expect(try RouteFile.parse(text: "").warnings.map(\.key) == ["routes"])
    }

    @Test("take the facilitator's recipients from the file when it names none")
    func recipients() throws {
        let rest = "[facilitator]\nopen = true\n"
        let file = try RouteFile.parse(text: SmallFile.text(rest: rest))
        #expect(file.facilitator?.payToAllowed?.map(\.description) == [SmallFile.payee])
        let other = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
        let named = try RouteFile.parse(text: SmallFile.text(rest: rest + "pay_to_allowed = \"\(other)\""))
        #expect(named.facilitator?.payToAllowed?.map(\.description) == [other])
        #expect(named.facilitator?.rateLimit.perMinute == 600)
        let bare = try RouteFile.parse(text: rest)
        #expect(bare.facilitator != nil)
        #expect(bare.facilitator?.payToAllowed == nil, "a file that pays nobody settles to anybody")
    }
}
