import Testing

@testable import Pricing

@Suite("A route pattern")
struct RoutePatternTests {
    @Test(
        "reads methods, host and path, and writes them again",
        arguments: [
            "/", "/x", "GET /x", "GET,POST /x/:id", "shop.example/x/*", "PURGE shop.example/", "/a/:b/*/c", "/a%20b",
            "/caf%C3%A9", "/%3Aid", "/a%2Ab", "M-SEARCH /x", "/.well-known/x402", "/a+b", "/@me/~you",
        ])
    func roundTrip(_ text: String) throws {
        #expect(try RoutePattern.parse(text).description == text)
    }

    @Test("reads the same pattern in several spellings")
    func spellings() throws {
        #expect(try RoutePattern.parse("/café") == RoutePattern.parse("/caf%c3%a9"))
        #expect(try RoutePattern.parse("/x/") == RoutePattern.parse("/x"))
        #expect(try RoutePattern.parse("GET /x", host: "Shop.Example") == RoutePattern.parse("GET shop.example/x"))
        #expect(try RoutePattern.parse("/%78") == RoutePattern.parse("/x"))
    }

    @Test("knows its parts")
    func parts() throws {
        let pattern = try RoutePattern.parse("GET,POST shop.example/v1/:city/*")
        #expect(pattern.methods == ["GET", "POST"])
        #expect(pattern.host == "shop.example")
        #expect(pattern.segments == [.literal(Array("v1".utf8)), .parameter("city"), .wildcard])
    }

    static let refusals: [(text: String, error: RoutePatternError)] = [
        ("", .noPath), ("x", .noPath), ("GET", .noPath), ("GET x", .noPath), ("GET  /x", .notAPattern),
        ("GET /x /y", .notAPattern), (" /x", .badMethod("")), ("get /x", .badMethod("get")),
        ("G@T /x", .badMethod("G@T")),
        ("GET, /x", .badMethod("")), ("GET,GET /x", .duplicateMethod("GET")), ("CONNECT /x", .badMethod("CONNECT")),
        ("AAAAAAAAAAAAAAAAA /x", .badMethod("AAAAAAAAAAAAAAAAA")),
        ("shop.example:80/x", .badHost("shop.example:80")), ("*.example/x", .badHost("*.example")),
        ("shop.example./x", .badHost("shop.example.")), ("/x?y", .query), ("/x#y", .badPath(.fragment)),
        ("/a//b", .badPath(.emptySegment)), ("/a/../b", .badPath(.dotSegment)), ("/a%2Fb", .badPath(.encodedSlash)),
        ("/a%2eb", .badPath(.encodedDot)), ("/a\\b", .badPath(.backslash)), ("/a;b", .badPath(.pathParameter)),
        ("/{id}", .badPath(.badCharacter)), ("/%zz", .badPath(.badPercent)), ("/%C3", .badPath(.brokenUTF8)),
        ("/:", .badParameterName("")), ("/:a.json", .badParameterName("a.json")), ("/:a-b", .badParameterName("a-b")),
        ("/:a/:a", .duplicateParameter("a")), ("/a*", .partialWildcard("a*")), ("/**", .partialWildcard("**")),
        ("/*.json", .partialWildcard("*.json")),
    ]

    @Test("is refused for a reason", arguments: refusals)
    func refuses(_ line: (text: String, error: RoutePatternError)) {
        #expect(throws: line.error) { try RoutePattern.parse(line.text) }
        #expect(!line.error.reason.isEmpty)
    }

    @Test("names a host once")
    func hostTwice() {
        #expect(throws: RoutePatternError.hostTwice) { try RoutePattern.parse("a.example/x", host: "b.example") }
    }
}
