/// The rules of matching once more, slow and from the text of the rules: for comparison.
///
/// Patterns are taken apart here by themselves. A request is compared with every route; the winner is found by sorting.
struct ReferenceRoutes {
    private struct Route {
        var index: Int
        var methods: [String]?
        var host: String?
        var segments: [String]
    }

    /// A way in which a route's path matches.
    private struct Candidate {
        var route: Route
        var segments: [String]
        var isImplied: Bool
    }

    enum Answer: Equatable {
        case route(Int)
        case methodNotAllowed
        case none
    }

    private let routes: [Route]

    init(_ patterns: [String]) {
        routes = patterns.enumerated().map { index, text in
            let words = text.split(separator: " ").map(String.init)
            let place = words[words.count - 1]
            let host = String(place.prefix { $0 != "/" })
            let path = place.dropFirst(host.count).lowercased()
            return Route(
                index: index, methods: words.count == 2 ? words[0].split(separator: ",").map(String.init) : nil,
                host: host.isEmpty ? nil : host, segments: path.split(separator: "/").map(String.init))
        }
    }

    /// `path` is decoded; one slash at its end is nothing.
    func answer(method: String, host: String, path: [UInt8]) -> Answer {
        var path = path
        if path.last == UInt8(ascii: "/") { path.removeLast() }
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
            .map { String(decoding: $0.map { $0 < 0x80 ? lower($0) : $0 }, as: UTF8.self) }
        var candidates: [Candidate] = []
        for route in routes where route.host == nil || route.host == host {
            if matches(route.segments[...], segments[...]) {
                candidates.append(Candidate(route: route, segments: route.segments, isImplied: false))
            }
            if route.segments.last == "*", matches(route.segments.dropLast(), segments[...]) {
                candidates.append(Candidate(route: route, segments: route.segments.dropLast(), isImplied: true))
            }
        }
        guard let best = candidates.min(by: precedes) else { return .none }
        let equals = candidates.filter { !precedes(best, $0) && !precedes($0, best) }
        return choose(among: equals.map(\.route), method)
    }

    private func choose(among routes: [Route], _ method: String) -> Answer {
        let wanted = method == "HEAD" ? ["HEAD", "GET"] : [method]
        for name in wanted {
            if let route = routes.first(where: { $0.methods?.contains(name) == true }) { return .route(route.index) }
        }
        if let route = routes.first(where: { $0.methods == nil }) { return .route(route.index) }
        return .methodNotAllowed
    }

    private func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 0x20 : byte }

    private func matches(_ pattern: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        guard let segment = path.first else { return false }
        if first == "*" {
            return (1...path.count).contains { matches(pattern.dropFirst(), path.dropFirst($0)) }
        }
        guard first.hasPrefix(":") || first == segment else { return false }
        return matches(pattern.dropFirst(), path.dropFirst())
    }

    private func precedes(_ left: Candidate, _ right: Candidate) -> Bool {
        if (left.route.host == nil) != (right.route.host == nil) { return left.route.host != nil }
        for (one, two) in zip(left.segments, right.segments) where kind(one) != kind(two) {
            return kind(one) < kind(two)
        }
        if left.segments.count != right.segments.count { return left.segments.count > right.segments.count }
        return !left.isImplied && right.isImplied
    }

    private func kind(_ segment: String) -> Int { segment == "*" ? 2 : segment.hasPrefix(":") ? 1 : 0 }
}
