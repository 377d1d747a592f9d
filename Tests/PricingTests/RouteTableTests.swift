import Testing

@testable import Pricing

/// One request against a list of routes, and the pattern that it must meet.
struct PrecedenceLine: Sendable {
    var routes: [String]
    var request: String
    var expected: String

    init(_ routes: [String], _ request: String, _ expected: String) {
        self.routes = routes
        self.request = request
        self.expected = expected
    }
}

@Suite("The route table")
struct RouteTableTests {
    static let precedence: [PrecedenceLine] = shapes + wildcards + methods + hosts

    private static let shapes: [PrecedenceLine] = [
        PrecedenceLine(["/x"], "GET /x", "/x"), PrecedenceLine(["/x"], "GET /x/", "/x"),
        PrecedenceLine(["/x"], "GET /X", "/x"), PrecedenceLine(["/X"], "GET /x", "/X"),
        PrecedenceLine(["/x"], "GET /%78", "/x"), PrecedenceLine(["/x"], "GET /x?y=/z", "/x"),
        PrecedenceLine(["/x"], "GET /x/y", "404"), PrecedenceLine(["/x"], "GET /", "404"),
        PrecedenceLine(["/x"], "GET /xy", "404"), PrecedenceLine(["/xy"], "GET /x", "404"),
        PrecedenceLine(["/"], "GET /", "/"), PrecedenceLine(["/"], "GET /x", "404"),
        PrecedenceLine(["/x/:id"], "GET /x/1", "/x/:id"), PrecedenceLine(["/x/:id"], "GET /x", "404"),
        PrecedenceLine(["/x/:id"], "GET /x/1/2", "404"), PrecedenceLine(["/x/:id"], "GET /x/a%20b", "/x/:id"),
        PrecedenceLine(["/@me"], "GET /%40me", "/@me"), PrecedenceLine(["/%40me"], "GET /@me", "/@me"),
        PrecedenceLine(["/a%20b"], "GET /A%20B", "/a%20b"), PrecedenceLine(["/café"], "GET /caf%c3%a9", "/caf%C3%A9"),
        PrecedenceLine(["/x/:id", "/x/me"], "GET /x/me", "/x/me"),
        PrecedenceLine(["/x/:id", "/x/me"], "GET /x/you", "/x/:id"),
        PrecedenceLine(["/:a/me", "/x/:b"], "GET /x/me", "/x/:b"),
        PrecedenceLine(["/:a/me", "/x/:b"], "GET /y/me", "/:a/me"),
        PrecedenceLine(["/x/:a/c", "/x/b/:d/e"], "GET /x/b/c", "/x/:a/c"),
        PrecedenceLine(["/a/b/c", "/a/:x/d", "/a/*"], "GET /a/b/d", "/a/:x/d"),
        PrecedenceLine(["/a/b/c", "/a/:x/d", "/a/*"], "GET /a/b/e", "/a/*"),
    ]

    private static let wildcards: [PrecedenceLine] = [
        PrecedenceLine(["/x/*"], "GET /x/1", "/x/*"), PrecedenceLine(["/x/*"], "GET /x/1/2/3", "/x/*"),
        PrecedenceLine(["/x/*"], "GET /x", "/x/*"), PrecedenceLine(["/x/*"], "GET /x/", "/x/*"),
        PrecedenceLine(["/x/*"], "GET /xy", "404"), PrecedenceLine(["/*"], "GET /", "/*"),
        PrecedenceLine(["/*"], "GET /x/y", "/*"), PrecedenceLine(["/x/*", "/x"], "GET /x", "/x"),
        PrecedenceLine(["/x/*", "/x"], "GET /x/y", "/x/*"), PrecedenceLine(["/x/*", "/x/:a"], "GET /x/y", "/x/:a"),
        PrecedenceLine(["/x/*", "/:a"], "GET /x", "/x/*"), PrecedenceLine(["/x/*", "/*"], "GET /x/y", "/x/*"),
        PrecedenceLine(["/*/z"], "GET /x/z", "/*/z"), PrecedenceLine(["/*/z"], "GET /x/y/z", "/*/z"),
        PrecedenceLine(["/*/z"], "GET /z", "404"), PrecedenceLine(["/*/z"], "GET /z/z", "/*/z"),
        PrecedenceLine(["/*/z"], "GET /x/z/y", "404"), PrecedenceLine(["/*/z"], "GET /x/z/y/z", "/*/z"),
        PrecedenceLine(["/a/*/z", "/a/*"], "GET /a/b/z", "/a/*/z"),
        PrecedenceLine(["/a/*/z", "/a/*"], "GET /a/b/y", "/a/*"),
        PrecedenceLine(["/a/*/z", "/a/:x/:y"], "GET /a/b/z", "/a/:x/:y"),
        PrecedenceLine(["/a/*/*", "/a/*"], "GET /a/b/c", "/a/*/*"),
        PrecedenceLine(["/a/*/*", "/a/*"], "GET /a/b", "/a/*"),
        PrecedenceLine(["/*/b/*/d"], "GET /a/b/c/b/c/d", "/*/b/*/d"), PrecedenceLine(["/*/b/*/d"], "GET /a/b/d", "404"),
        PrecedenceLine(["/*/:x/c"], "GET /a/b/c", "/*/:x/c"), PrecedenceLine(["/*/:x/c"], "GET /b/c", "404"),
        PrecedenceLine(["/*/a/*"], "GET /x/a", "/*/a/*"), PrecedenceLine(["/*/a/*"], "GET /x/a/b", "/*/a/*"),
    ]

    private static let methods: [PrecedenceLine] = [
        PrecedenceLine(["GET /x"], "GET /x", "GET /x"), PrecedenceLine(["GET /x"], "HEAD /x", "GET /x"),
        PrecedenceLine(["GET /x", "HEAD /x"], "HEAD /x", "HEAD /x"),
        PrecedenceLine(["GET /x", "/x"], "HEAD /x", "GET /x"), PrecedenceLine(["HEAD /x"], "GET /x", "405 HEAD"),
        PrecedenceLine(["GET /x"], "POST /x", "405 GET, HEAD"), PrecedenceLine(["GET /x"], "get /x", "405 GET, HEAD"),
        PrecedenceLine(["GET /x"], "Get /x", "405 GET, HEAD"), PrecedenceLine(["GET /x"], "TRACE /x", "405 GET, HEAD"),
        PrecedenceLine(["GET /x"], "OPTIONS /x", "405 GET, HEAD"), PrecedenceLine(["/x"], "OPTIONS /x", "/x"),
        PrecedenceLine(["GET,POST /x"], "PUT /x", "405 GET, POST, HEAD"),
        PrecedenceLine(["GET /x", "POST /x"], "PUT /x", "405 GET, POST, HEAD"),
        PrecedenceLine(["GET /x", "POST /x"], "POST /x", "POST /x"), PrecedenceLine(["GET /x", "/x"], "POST /x", "/x"),
        PrecedenceLine(["POST /x", "/x"], "POST /x", "POST /x"), PrecedenceLine(["/x"], "BREW /x", "/x"),
        PrecedenceLine(["/x"], "AVERYLONGMETHODNAMEINDEED /x", "/x"),
        PrecedenceLine(["GET /x"], "AVERYLONGMETHODNAMEINDEED /x", "405 GET, HEAD"),
        PrecedenceLine(["GET /x", "/*"], "POST /x", "405 GET, HEAD"),
        PrecedenceLine(["GET /x", "HEAD /*"], "HEAD /x", "GET /x"),
        PrecedenceLine(["GET /x/:a", "POST /x/:b"], "POST /x/1", "POST /x/:b"),
        PrecedenceLine(["GET /x/me", "/x/:id"], "DELETE /x/me", "405 GET, HEAD"),
    ]

    private static let hosts: [PrecedenceLine] = [
        PrecedenceLine(["a.example/x", "/x"], "GET a.example/x", "a.example/x"),
        PrecedenceLine(["a.example/x", "/x"], "GET b.example/x", "/x"),
        PrecedenceLine(["a.example/x", "/x"], "GET A.EXAMPLE:8402/x", "a.example/x"),
        PrecedenceLine(["a.example/x", "/x"], "GET a.example./x", "a.example/x"),
        PrecedenceLine(["a.example/*", "/x"], "GET a.example/x", "a.example/*"),
        PrecedenceLine(["a.example/x", "/y"], "GET a.example/y", "/y"),
        PrecedenceLine(["a.example/x"], "GET b.example/x", "404"),
        PrecedenceLine(["a.example/x"], "GET xa.example/x", "404"),
        PrecedenceLine(["GET a.example/x", "/x"], "POST a.example/x", "405 GET, HEAD"),
        PrecedenceLine(["[::1]/x"], "GET [::1]:8402/x", "[::1]/x"),
    ]

    @Test("finds the most specific route", arguments: precedence)
    func mostSpecific(_ line: PrecedenceLine) throws {
        for routes in [line.routes, line.routes.reversed()] {
            let table = try table(routes)
            let words = line.request.split(separator: " ")
            let slash = try #require(words[1].firstIndex(of: "/"))
            let host = slash == words[1].startIndex ? "shop.example" : String(words[1][..<slash])
            let match = route(table, String(words[0]), String(words[1][slash...]), host: host)
            #expect(try spelled(match, routes) == line.expected)
        }
    }

    private func spelled(_ match: RouteMatch, _ routes: [String]) throws -> String {
        switch match {
        case .route(let index): try RoutePattern.parse(routes[index]).description
        case .methodNotAllowed(let allow):
            "405 " + allow.split(separator: ", ").sorted(by: order).joined(separator: ", ")
        case .none: "404"
        case .refused(let refusal): "400 \(refusal)"
        }
    }

    /// GET, POST, HEAD: the order of the table, whatever the order of the routes.
    private func order(_ left: Substring, _ right: Substring) -> Bool {
        let rank = ["GET": 0, "POST": 1, "HEAD": 2]
        return (rank[String(left)] ?? 3) < (rank[String(right)] ?? 3)
    }

    static let conflicting: [[String]] = [
        ["/x", "/x"], ["/x", "/X"], ["/x", "/x/"], ["/x/:a", "/x/:b"], ["GET /x", "GET /x"], ["GET /x", "GET,POST /x"],
        ["HEAD /x", "GET,HEAD /x"], ["/x/*", "/x/*"], ["a.example/x", "A.example/x"], ["/@me", "/%40me"],
        ["/*/a/*", "/*/b/*"], ["/*/a/:x/*", "/*/b/:y/*"], ["GET /*/a/*", "POST /*/b/*"], ["/*/a/*/c", "/*/b/*/c"],
    ]

    @Test("names both routes of a tie", arguments: conflicting)
    func namesBoth(_ routes: [String]) throws {
        let patterns = try routes.map { try RoutePattern.parse($0) }
        #expect(RouteTable.conflicts(among: patterns) == [RouteConflict(first: 0, second: 1)])
        #expect(throws: RouteConflict(first: 0, second: 1)) { try table(routes) }
    }

    @Test(
        "tells routes apart that only look alike",
        arguments: [
            ["GET /x", "POST /x"], ["GET /x", "/x"], ["GET /x", "HEAD /x"], ["/x", "/x/*"], ["/x", "a.example/x"],
            ["a.example/x", "b.example/x"], ["/*/a", "/*/b"], ["/*/a/b", "/*/b/b"], ["/a/*/c", "/b/*/c"],
            ["/x/:a", "/x/*"], ["/x/*", "/x/*/y"], ["/*/a", "/*/a/*"],
        ])
    func noConflicts(_ routes: [String]) throws {
        let patterns = try routes.map { try RoutePattern.parse($0) }
        #expect(RouteTable.conflicts(among: patterns).isEmpty)
    }

    @Test("finds every conflict of a file")
    func allConflicts() throws {
        let patterns = try ["/a", "/b", "/A", "/c", "/b"].map { try RoutePattern.parse($0) }
        #expect(
            RouteTable.conflicts(among: patterns)
                == [RouteConflict(first: 0, second: 2), RouteConflict(first: 1, second: 4)])
    }

    @Test("without routes matches nothing")
    func empty() throws {
        #expect(route(try table([]), "GET", "/") == .none)
    }
}
