import GRDBSQLite
import Ledger
import Primitives

/// The counters of what is free; used on the writer's thread only.
final class AllowanceTable {
    private let connection: OpaquePointer
    private let find: Statement
    private let put: Statement
    private let prune: Statement
    private let sweep: Statement
    private let maximum: Int
    private var count: Int
    /// As of the last commit.
    private var committed: Int

    init(connection: OpaquePointer, maximum: Int = AllowanceLimits.maximumCounters) throws(LedgerError) {
        self.connection = connection
        self.maximum = maximum
        find = try Statement("SELECT used, ends_at FROM allowance WHERE key = ?1", on: connection)
        put = try Statement(
            """
            INSERT INTO allowance (key, used, ends_at) VALUES (?1, ?2, ?3)
            ON CONFLICT (key) DO UPDATE SET used = ?2, ends_at = ?3
            """, on: connection)
        // Two for each new one, so that what is over goes faster than what comes.
        prune = try Statement(Self.delete(limit: 2), on: connection)
        sweep = try Statement(Self.delete(limit: 4_096), on: connection)
        let all = try Statement("SELECT count(*) FROM allowance", on: connection)
        count = try all.step() ? Int(all.integer(0)) : 0
        committed = count
    }

    /// Takes from what is free, all or nothing.
    func claim(_ claim: AllowanceClaim, now: UnixTime) throws(LedgerError) -> AllowanceOutcome {
        let existing = try allowance(claim.key)
        if existing == nil {
            try remove(with: count < maximum ? prune : sweep, before: now)
            guard count < maximum else {
                return AllowanceOutcome(isGranted: false, left: 0, endsAt: claim.window.end(at: now))
            }
        }
        let decision = Allowance.decide(claim, over: existing, now: now)
        if let write = decision.write {
            try store(write, under: claim.key)
            if existing == nil { count += 1 }
        }
        return decision.outcome
    }

    /// Corrects a claim whose window is not over.
    func correct(_ key: Bytes32, endsAt: UnixTime, by difference: Int64) throws(LedgerError) {
        guard let existing = try allowance(key), existing.endsAt == endsAt else { return }
        try store(existing.corrected(by: difference), under: key)
    }

    /// The transaction is durable.
    func keep() { committed = count }

    /// The transaction was rolled back.
    func takeBack() { count = committed }

    private static func delete(limit: Int) -> String {
        "DELETE FROM allowance WHERE key IN (SELECT key FROM allowance WHERE ends_at <= ?1 ORDER BY ends_at LIMIT \(limit))"
    }

    private func allowance(_ key: Bytes32) throws(LedgerError) -> Allowance? {
        find.bind(key, at: 1)
        guard try find.step() else { return nil }
        defer { find.reset() }
        // The bits of an unsigned number: a counter without a bound may use all of them.
        return Allowance(used: UInt64(bitPattern: find.integer(0)), endsAt: UnixTime(find.integer(1)))
    }

    private func store(_ allowance: Allowance, under key: Bytes32) throws(LedgerError) {
        put.bind(key, at: 1)
        put.bind(Int64(bitPattern: allowance.used), at: 2)
        put.bind(allowance.endsAt, at: 3)
        try put.step()
    }

    private func remove(with statement: Statement, before now: UnixTime) throws(LedgerError) {
        statement.bind(now, at: 1)
        try statement.step()
        count -= Int(sqlite3_changes(connection))
    }
}
