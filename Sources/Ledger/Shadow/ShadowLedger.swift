import X402

/// What requests would have brought that asked nothing: the record of shadow mode.
///
/// Not money: what a crash takes away is a second of it.
package protocol ShadowLedger: Sendable {
    /// Adds to what was counted before, all lines or none.
    ///
    /// Where the store is full, lines of new clients are added to those of the others.
    func addShadow(_ lines: [ShadowLine], reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void)

    /// What was counted, the days and clients added up that the query does not keep apart.
    ///
    /// In order of day, route, client, outcome and currency.
    func shadow(_ query: ShadowQuery) async throws(LedgerError) -> [ShadowLine]
}

/// Which lines are wanted, and what is kept apart in them.
package struct ShadowQuery: Hashable, Sendable {
    /// The first day, in days since 1970-01-01 UTC.
    package var since: Int64?
    /// The last day.
    package var until: Int64?
    package var route: String?
    /// Otherwise a line's day is the first of all.
    package var keepsDays: Bool
    /// Otherwise a line's client is empty.
    package var keepsClients: Bool

    package init(
        since: Int64? = nil, until: Int64? = nil, route: String? = nil, keepsDays: Bool = false,
        keepsClients: Bool = false
    ) {
        self.since = since
        self.until = until
        self.route = route
        self.keepsDays = keepsDays
        self.keepsClients = keepsClients
    }

    package func matches(_ key: ShadowKey) -> Bool {
        if let since, key.day < since { return false }
        if let until, key.day > until { return false }
        if let route, key.route != route { return false }
        return true
    }
}

/// Lines as a query keeps them apart, while they are added up.
package struct ShadowSums {
    private let query: ShadowQuery
    private var counts: [ShadowKey: ShadowCount] = [:]

    package init(_ query: ShadowQuery) { self.query = query }

    /// Adds a line that the query asks for; others are passed over.
    package mutating func add(_ line: ShadowLine) {
        guard query.matches(line.key) else { return }
        var key = line.key
        if !query.keepsDays { key.day = 0 }
        if !query.keepsClients { key.client = "" }
        counts[key, default: ShadowCount()].add(line.count)
    }

    package var lines: [ShadowLine] {
        counts.map { ShadowLine($0, $1) }.sorted { Self.order($0.key) < Self.order($1.key) }
    }

    private static func order(_ key: ShadowKey) -> Position {
        Position(
            day: key.day,
            texts: [
                key.route, key.client, "\(key.outcome.rawValue)", key.currency?.network.name ?? "",
                key.currency?.asset?.description ?? "",
            ])
    }

    private struct Position: Comparable {
        var day: Int64
        var texts: [String]

        static func < (first: Position, second: Position) -> Bool {
            if first.day != second.day { return first.day < second.day }
            return first.texts.lexicographicallyPrecedes(second.texts)
        }
    }
}

extension ShadowLedger {
    private var unavailable: LedgerError { LedgerError(.unavailable, "this store keeps no record of shadow mode") }

    package func addShadow(_ lines: [ShadowLine], reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void) {
        reply(.failure(unavailable))
    }

    package func shadow(_ query: ShadowQuery) async throws(LedgerError) -> [ShadowLine] { throw unavailable }
}
