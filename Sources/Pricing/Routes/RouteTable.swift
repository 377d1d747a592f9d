/// The routes of a file, ready to be matched.
///
/// Precedence: a route for this host before one for any; then segment by segment a literal before `:name` before `*`;
/// then the longer pattern; the bare prefix of a trailing `/*` stands behind a pattern that spells it out. The path
/// decides first: when no route of the winning path has the method, the answer is 405, not a wider route.
package struct RouteTable: Sendable {
    /// One route as the table sees it.
    package struct Entry: Hashable, Sendable {
        package var pattern: RoutePattern
        package var cost: RouteCost
        /// Whether its upstream takes `%2F`, once the canonicaliser lets it through.
        package var keepsEncodedSlash: Bool

        package init(_ pattern: RoutePattern, cost: RouteCost, keepsEncodedSlash: Bool = false) {
            self.pattern = pattern
            self.cost = cost
            self.keepsEncodedSlash = keepsEncodedSlash
        }
    }

    let unmatched: UnmatchedPolicy
    let costs: [RouteCost]
    let keepsEncodedSlash: [Bool]
    let literals: LiteralSpellings
    private let trie: RouteTrie
    private let groups: [MethodGroup]

    /// Throws the first pair of routes of the same precedence; `conflicts(among:)` finds all.
    package init(_ entries: [Entry], unmatched: UnmatchedPolicy = .deny) throws(RouteConflict) {
        let patterns = entries.map(\.pattern)
        var builder = RouteGroups()
        for (index, pattern) in patterns.enumerated() { builder.add(pattern, route: index) }
        if let conflict = builder.conflicts.first ?? builder.ties().first { throw conflict }
        self.unmatched = unmatched
        self.costs = entries.map(\.cost)
        self.keepsEncodedSlash = entries.map(\.keepsEncodedSlash)
        self.literals = LiteralSpellings(patterns)
        self.trie = RouteTrie(builder.entries)
        self.groups = builder.groups
    }

    /// Every pair of routes that could match one request with the same precedence.
    package static func conflicts(among patterns: [RoutePattern]) -> [RouteConflict] {
        var builder = RouteGroups()
        for (index, pattern) in patterns.enumerated() { builder.add(pattern, route: index) }
        return builder.conflicts + builder.ties()
    }

    /// The route of a canonical request.
    ///
    /// `host` is `CanonicalHost.name`'s bytes, `path` and `doubts` are those of the `CanonicalTarget`. Allocates only for
    /// targets with doubts other than `suffix`.
    package func match(
        method: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer,
        doubts: TargetDoubts = []
    ) -> RouteMatch {
        var letters = RouteTrie.Letters(areSignificant: false)
        let group = trie.group(host: host, path: path, letters: &letters)
        let code = MethodCode(method)
        let match = resolve(group, code)
        if doubts.isEmpty, !letters.sawOtherCase { return match }
        let request = DoubtfulRequest(
            method: code, host: host, path: path, doubts: doubts, sawOtherCase: letters.sawOtherCase,
            endsInLiteral: group >= 0 && groups[Int(group)].endsInLiteral)
        return judge(request, match)
    }

    /// The match of a path that is read in one certain way.
    func plainMatch(
        method: MethodCode, host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer, exactCase: Bool = false
    ) -> RouteMatch {
        var letters = RouteTrie.Letters(areSignificant: exactCase)
        return resolve(trie.group(host: host, path: path, letters: &letters), method)
    }

    @inline(__always)
    private func resolve(_ group: Int32, _ method: MethodCode) -> RouteMatch {
        guard group >= 0 else { return .none }
        if let route = groups[Int(group)].route(for: method, isHead: method == .head) { return .route(route) }
        return .methodNotAllowed(allow: groups[Int(group)].allow)
    }
}

extension RouteTable {
    /// The route of a target as the canonicaliser returned it; `target` and `host` are the bytes that it was given.
    package func match(
        method: UnsafeRawBufferPointer, canonical: CanonicalTarget, target: UnsafeRawBufferPointer,
        host: UnsafeRawBufferPointer?
    ) -> RouteMatch {
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        let name = host.map { UnsafeRawBufferPointer(rebasing: $0[canonical.host.name]) } ?? empty
        return canonical.withBytes(of: target) { bytes in
            match(
                method: method, host: name, path: UnsafeRawBufferPointer(rebasing: bytes[canonical.path]),
                doubts: canonical.doubts)
        }
    }
}

/// Routes collected by shape, with the conflicts among them.
struct RouteGroups {
    private(set) var groups: [MethodGroup] = []
    private(set) var entries: [RouteTrieEntry] = []
    private(set) var conflicts: [RouteConflict] = []
    private var indices: [RouteShape: Int] = [:]
    private var firstRoutes: [Int] = []

    mutating func add(_ pattern: RoutePattern, route: Int) {
        for shape in RouteShape.shapes(of: pattern) {
            let index = index(of: shape, pattern: pattern, route: route)
            // What is said of the explicit shape holds for the implied one too.
            if let taken = groups[index].add(route, methods: pattern.methods), !shape.isImplied {
                conflicts.append(RouteConflict(first: taken, second: route))
            }
        }
    }

    /// Shapes of the same precedence that some path has both of; only patterns with a wildcard inside can.
    func ties() -> [RouteConflict] {
        let candidates = entries.filter { $0.shape.segments.dropLast().contains(.wildcard) }
        var found: [RouteConflict] = []
        for (index, entry) in candidates.enumerated() {
            for other in candidates[..<index] where entry.shape.ties(with: other.shape) {
                let conflict = RouteConflict(
                    first: firstRoutes[Int(other.group)], second: firstRoutes[Int(entry.group)])
                if !found.contains(conflict) { found.append(conflict) }
            }
        }
        return found
    }

    private mutating func index(of shape: RouteShape, pattern: RoutePattern, route: Int) -> Int {
        if let known = indices[shape] { return known }
        let index = groups.count
        indices[shape] = index
        var endsInLiteral = false
        if case .literal = shape.segments.last { endsInLiteral = true }
        groups.append(MethodGroup(endsInLiteral: endsInLiteral))
        firstRoutes.append(route)
        entries.append(RouteTrieEntry(shape: shape, pattern: pattern, group: Int32(index)))
        return index
    }
}
