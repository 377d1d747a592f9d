import Testing

@testable import Pricing

/// A target that some servers read otherwise, against a list of routes.
struct DoubtLine: Sendable {
    var target: String
    var expected: RouteMatch

    init(_ target: String, _ expected: RouteMatch) {
        self.target = target
        self.expected = expected
    }
}

@Suite("A doubtful target")
struct DoubtTests {
    private static let routes = [
        "/paid", "/free", "/free/*", "/files/*", "/files/report", "/tags/:tag", "/a%20b", "/café", "/book", "/logo.png",
    ]
    private static let free: Set<String> = ["/free", "/free/*"]

    static let lines: [DoubtLine] = [
        // A parameter is refused where a priced route is, or could be, met; elsewhere it passes.
        DoubtLine("/paid;x", .none), DoubtLine("/files/a;b", .refused(.pathParameter)),
        DoubtLine("/files/a%3bb", .refused(.pathParameter)), DoubtLine("/free/a;b=1/c", .route(2)),
        DoubtLine("/free;x/a", .none), DoubtLine("/free/..;/paid", .refused(.dotSegment)),
        DoubtLine("/free/;x/a", .refused(.emptySegment)), DoubtLine("/free/.;x", .refused(.dotSegment)),
        // A question mark or number sign may cut the path.
        DoubtLine("/tags/c%23", .route(5)), DoubtLine("/tags/why%3F", .route(5)),
        DoubtLine("/tags/%23c", .refused(.encodedDelimiter)),
        DoubtLine("/files/report%3Fx", .refused(.encodedDelimiter)),
        DoubtLine("/files/report%23", .refused(.encodedDelimiter)),
        DoubtLine("/free/a%3Fb", .route(2)), DoubtLine("/files/report/%3F", .refused(.encodedDelimiter)),
        DoubtLine("/files/report.json/%3F", .refused(.encodedDelimiter)),
        // Dots and spaces at the edge of a segment.
        DoubtLine("/files/report.", .refused(.ambiguousEdge)), DoubtLine("/files/report%20", .refused(.ambiguousEdge)),
        DoubtLine("/files/%20report", .refused(.ambiguousEdge)), DoubtLine("/files/other.", .route(3)),
        DoubtLine("/tags/Inc.", .route(5)), DoubtLine("/files/...", .refused(.emptySegment)),
        DoubtLine("/files/report%20.json", .refused(.ambiguousEdge)), DoubtLine("/files/a./b", .route(3)),
        DoubtLine("/files/report..json", .refused(.ambiguousSuffix)), DoubtLine("/files/%20", .refused(.emptySegment)),
        // A plus sign.
        DoubtLine("/a+b", .none), DoubtLine("/files/a+b", .route(3)),
        DoubtLine("/files/report+", .refused(.ambiguousSpace)),
        DoubtLine("/tags/c%2B%2B", .route(5)),
        // A suffix.
        DoubtLine("/files/report.json", .refused(.ambiguousSuffix)),
        DoubtLine("/files/report.tar.gz", .refused(.ambiguousSuffix)),
        DoubtLine("/files/report.json/", .refused(.ambiguousSuffix)),
        DoubtLine("/files/a.json", .route(3)), DoubtLine("/free/paid.json", .route(2)),
        DoubtLine("/logo.png", .route(9)), DoubtLine("/paid.json", .none), DoubtLine("/files/.report", .route(3)),
        // Unicode.
        DoubtLine("/caf%C3%A9", .route(7)), DoubtLine("/caf%C3%89", .none), DoubtLine("/boo%E2%84%AA", .none),
        DoubtLine("/files/%E6%97%A5", .route(3)), DoubtLine("/files/%EF%BD%92eport", .refused(.ambiguousUnicode)),
        DoubtLine("/files/report%E2%80%8B", .refused(.ambiguousUnicode)),
        DoubtLine("/files/report%C2%A0", .refused(.ambiguousUnicode)),
        DoubtLine("/files/%EF%BD%92eport.json", .refused(.ambiguousUnicode)),
    ]

    @Test("is let through only where no reading costs something else", arguments: lines)
    func weighed(_ line: DoubtLine) throws {
        #expect(route(try table(Self.routes, free: Self.free), "GET", line.target) == line.expected)
    }

    @Test(
        "may not borrow the free rest of the site",
        arguments: [
            DoubtLine("/paid;x", .refused(.pathParameter)), DoubtLine("/paid%3Fx", .refused(.encodedDelimiter)),
            DoubtLine("/paid%23", .refused(.encodedDelimiter)), DoubtLine("/paid.", .refused(.ambiguousEdge)),
            DoubtLine("/paid%20", .refused(.ambiguousEdge)), DoubtLine("/paid+", .refused(.ambiguousSpace)),
            DoubtLine("/a+b", .refused(.ambiguousSpace)), DoubtLine("/paid.json", .refused(.ambiguousSuffix)),
            DoubtLine("/caf%C3%89", .refused(.ambiguousUnicode)), DoubtLine("/cafe%CC%81", .refused(.ambiguousUnicode)),
            DoubtLine("/boo%E2%84%AA", .refused(.ambiguousUnicode)), DoubtLine("/PAID", .route(0)),
            DoubtLine("/other.json", .none), DoubtLine("/x;y", .none), DoubtLine("/x%20/y", .none),
        ])
    func unmatchedIsFree(_ line: DoubtLine) throws {
        #expect(route(try table(Self.routes, free: Self.free, unmatched: .free()), "GET", line.target) == line.expected)
    }

    @Test("in letter case alone is refused when exact readers meet a dearer route")
    func letterCase() throws {
        let mixed = try table(["/v1/models", "/v1/:x"], free: ["/v1/models"])
        #expect(route(mixed, "GET", "/v1/models") == .route(0))
        #expect(route(mixed, "GET", "/v1/MODELS") == .refused(.ambiguousCase))
        #expect(route(mixed, "GET", "/V1/models") == .route(0))
        let freeElsewhere = try table(["/paid", "/*"], free: ["/*"])
        #expect(route(freeElsewhere, "GET", "/PAID") == .route(0))
    }

    @Test("with an encoded slash is kept only where both readings cost the same")
    func encodedSlash() throws {
        let policy = CanonicalPolicy(encodedSlash: .keep)
        let table = try table(["/npm/*", "/npm/dear/x", "/free/*", "/pkg/:name"], free: ["/free/*"])
        func match(_ target: String) -> RouteMatch { route(table, "GET", Array(target.utf8), policy: policy) }
        #expect(match("/npm/@scope%2fname") == .route(0))
        #expect(match("/npm/dear%2Fx") == .refused(.encodedSlash))
        #expect(match("/npm/dear%2Fx.json") == .refused(.encodedSlash))
        #expect(match("/npm/..%2F..%2Fpaid") == .refused(.dotSegment))
        #expect(match("/npm/a%2F%2Fb") == .refused(.emptySegment))
        #expect(match("/free%2Fa") == .none)
        #expect(match("/free/a%2Fb") == .route(2))
        #expect(match("/pkg/a%2Fb") == .refused(.encodedSlash))
        let refusing = try Self.refusingTable()
        #expect(route(refusing, "GET", Array("/npm/a%2Fb".utf8), policy: policy) == .refused(.encodedSlash))
        #expect(route(refusing, "GET", Array("/other/a%2Fb".utf8), policy: policy) == .none)
    }

    /// Its upstream does not take encoded slashes, only the one for unmatched requests does.
    private static func refusingTable() throws -> RouteTable {
        try table(["/npm/*"], unmatched: .free(keepsEncodedSlash: true), keepsEncodedSlash: false)
    }

    @Test("weighs a bounded number of doubts in a bounded path")
    func limits() throws {
        let free = try table(["/*"], free: ["/*"])
        #expect(route(free, "GET", "/a;b%3F%C3%A9+c") == .route(0))
        #expect(route(free, "GET", "/a;b%3F%C3%A9+c./d") == .refused(.pathParameter))
        let atLimit = "/%C3%A9" + String(repeating: "a", count: RouteTable.maximumDoubtfulBytes - 7)
        #expect(route(free, "GET", atLimit) == .route(0))
        #expect(route(free, "GET", atLimit + "a") == .refused(.ambiguousUnicode))
        #expect(route(free, "GET", "/" + String(repeating: "a", count: 8000) + ".json") == .route(0))
    }
}
