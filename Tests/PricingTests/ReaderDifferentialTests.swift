import Testing

@testable import Pricing

@Suite("Servers behind us")
struct ReaderDifferentialTests {
    /// Every route costs something else, but the free ones.
    private static let routes = [
        "/paid", "/paid/:id", "/free", "/free/*", "/files/*", "/files/report", "GET /v1/:x/data", "/v1/models",
        "/kiosk",
    ]
    private static let free: Set<String> = ["/free", "/free/*"]

    private static let pieces = [
        "/", "/", "/", "/paid", "/free", "/files", "/report", "/v1", "/data", "/models", "/kiosk", "paid", "free", "a",
        ".",
        "..", "/..", "%2e", "%2E%2e", "%2f", "%2F", "%5c", "\\", ";", ";x=1", "%3b", "%3Bx", "%3f", "?", "#", "%23",
        "%00",
        "%0a", "%09", "%20", "+", "%2b", "%25", "%2541", "%252e", "%70", "%50aid", "p%61id", "PAID", "Free", "%c0%ae",
        "%c1%9c", "%e2%84%aa", "%c5%bf", "%ef%bd%90aid", "%ef%bc%8f", "%u0070", "%25u0070", ".json", ".html", "..;/",
        "%2e%2e;", "//", "/./", "%", "%4", "%E6%97%A5", "%c2%a0", ":", "@", "~", "*", "é",
    ]

    @Test(
        "read no dearer path in a target that we let through",
        arguments: [UnmatchedPolicy.deny, .free(keepsEncodedSlash: true)], 0..<4)
    func readers(_ unmatched: UnmatchedPolicy, _ round: Int) throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        let table = try table(Self.routes, free: Self.free, unmatched: unmatched)
        let reference = ReferenceRoutes(Self.routes)
        let policy = CanonicalPolicy(encodedSlash: round.isMultiple(of: 2) ? .refuse : .keep)
        var accepted = 0
        for _ in 0..<6_000 {
            let target = Self.target(&generator)
            guard let (forwarded, cost) = admitted(target, table, policy) else { continue }
            accepted += 1
            for _ in 0..<12 {
                let habits = PathReaders.habits.shuffled(using: &generator).prefix(
                    Int.random(in: 1...4, using: &generator))
                let path = habits.reduce(forwarded) { $1.read($0) }
                guard let other = Self.price(reference.answer(method: "GET", host: "shop.example", path: path)) else {
                    continue
                }
                #expect(
                    other == cost,
                    """
                    seed \(seed): \(String(decoding: target, as: UTF8.self)) is let through for \(cost), but a server that \
                    \(habits.map(\.name).joined(separator: ", ")) reads \(String(decoding: path, as: UTF8.self))
                    """)
            }
        }
        #expect(accepted > 200, "seed \(seed): too few targets pass for the test to say anything")
    }

    /// The bytes that the upstream gets and what they cost; nil when it gets nothing.
    private func admitted(
        _ target: [UInt8], _ table: RouteTable, _ policy: CanonicalPolicy
    ) -> (path: [UInt8], cost: RouteCost)? {
        guard let forwarded = canonicalise(target, policy: policy).forwarded else { return nil }
        let path = Array(forwarded.utf8.prefix { $0 != UInt8(ascii: "?") })
        switch route(table, "GET", target, policy: policy) {
        case .route(let index): return (path, Self.free.contains(Self.routes[index]) ? .free : .priced(class: index))
        case .none: return table.unmatched.isFree ? (path, .free) : nil
        case .methodNotAllowed, .refused: return nil
        }
    }

    /// The price of what the reader serves; nil when that is free or nothing.
    private static func price(_ answer: ReferenceRoutes.Answer) -> RouteCost? {
        guard case .route(let index) = answer, !free.contains(routes[index]) else { return nil }
        return .priced(class: index)
    }

    private static func target(_ generator: inout SeededGenerator) -> [UInt8] {
        let starts = ["/paid", "/free", "/files/report", "/v1/models", "/", "/kios", "/PAID"]
        var text = starts.randomElement(using: &generator) ?? "/"
        for _ in 0..<Int.random(in: 0...4, using: &generator) { text += pieces.randomElement(using: &generator) ?? "" }
        return Array(text.utf8)
    }
}
