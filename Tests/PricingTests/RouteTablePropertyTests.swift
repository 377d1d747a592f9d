import Testing

@testable import Pricing

@Suite("Random route tables")
struct RouteTablePropertyTests {
    private static let words = ["a", "b", "c", "A", ":x", "*"]

    @Test("agree with the slow reading of the rules", arguments: 0..<8)
    func agreement(_ round: Int) throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let routes = Self.conflictFree(&generator)
            let table = try table(routes)
            let reference = ReferenceRoutes(routes)
            for _ in 0..<60 {
                let path = Self.path(["a", "b", "c", "B", "d"], upTo: 6, &generator)
                let method = ["GET", "HEAD", "POST", "PUT"].randomElement(using: &generator) ?? "GET"
                let host = Bool.random(using: &generator) ? "h.example" : "other.example"
                let expected = reference.answer(method: method, host: host, path: Array(path.utf8))
                let answer = Self.plain(table, method, host, path)
                #expect(answer == expected, "seed \(seed): \(method) \(host)\(path) of \(routes)")
            }
        }
    }

    /// Without the judgement of letter case, which the rules of precedence do not know.
    private static func plain(_ table: RouteTable, _ method: String, _ host: String, _ path: String)
        -> ReferenceRoutes.Answer
    {
        let match = withRaw(method, Array(path.utf8), host) { method, path, host in
            table.plainMatch(method: MethodCode(method), host: host ?? path, path: path)
        }
        switch match {
        case .route(let index): return .route(index)
        case .methodNotAllowed: return .methodNotAllowed
        case .none, .refused: return .none
        }
    }

    private static func conflictFree(_ generator: inout SeededGenerator) -> [String] {
        var routes: [String] = []
        for _ in 0..<Int.random(in: 1...14, using: &generator) {
            let method = ["", "", "GET ", "POST ", "GET,PUT ", "HEAD "].randomElement(using: &generator) ?? ""
            let host = Int.random(in: 0..<4, using: &generator) == 0 ? "h.example" : ""
            let route = method + host + path(words, upTo: 5, &generator).replacingNames()
            guard let patterns = try? (routes + [route]).map({ try RoutePattern.parse($0) }) else { continue }
            if RouteTable.conflicts(among: patterns).isEmpty { routes.append(route) }
        }
        return routes
    }

    private static func path(_ words: [String], upTo count: Int, _ generator: inout SeededGenerator) -> String {
        let segments = (0..<Int.random(in: 0...count, using: &generator)).map { _ in
            "/" + (words.randomElement(using: &generator) ?? "a")
        }
        if segments.isEmpty { return "/" }
        return segments.joined() + (Int.random(in: 0..<6, using: &generator) == 0 ? "/" : "")
    }
}

extension String {
    /// Parameters get names of their own.
    fileprivate func replacingNames() -> String {
        split(separator: "/", omittingEmptySubsequences: false).enumerated()
            .map { $0.element == ":x" ? ":x\($0.offset)" : String($0.element) }.joined(separator: "/")
    }
}
