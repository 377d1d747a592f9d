import GRDBSQLite
import Ledger
import Primitives
import X402

/// The record of shadow mode; used on the writer's thread only.
final class ShadowTable {
    private let find: Statement
    private let put: Statement
    private let maximum: Int
    private var count: Int
    /// As of the last commit.
    private var committed: Int

    static let select = "SELECT day, route, client, outcome, network, asset, requests, charged, amount FROM shadow"

    init(connection: OpaquePointer, maximum: Int = ShadowLimits.maximumLines) throws(LedgerError) {
        self.maximum = maximum
        find = try Statement(
            Self.select
                + " WHERE day = ?1 AND route = ?2 AND client = ?3 AND outcome = ?4 AND network = ?5 AND asset = ?6",
            on: connection)
        put = try Statement(
            """
            INSERT INTO shadow (day, route, client, outcome, network, asset, requests, charged, amount)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT (day, route, client, outcome, network, asset)
            DO UPDATE SET requests = ?7, charged = ?8, amount = ?9
            """, on: connection)
        let all = try Statement("SELECT count(*) FROM shadow", on: connection)
        count = try all.step() ? Int(all.integer(0)) : 0
        committed = count
    }

    /// Adds lines to what was counted before.
    func add(_ lines: [ShadowLine]) throws(LedgerError) {
        for line in lines {
            if try add(line, isNewAllowed: count < maximum) { continue }
            _ = try add(ShadowLine(line.key.withoutClient, line.count), isNewAllowed: true)
        }
    }

    /// False where the line would be a new one, and none is allowed.
    private func add(_ line: ShadowLine, isNewAllowed: Bool) throws(LedgerError) -> Bool {
        Self.bind(line.key, to: find)
        var sum = line.count
        if try find.step() {
            defer { find.reset() }
            sum.add(try Self.line(in: find).count)
        } else {
            guard isNewAllowed else { return false }
            count += 1
        }
        Self.bind(line.key, to: put)
        put.bind(Int64(clamping: sum.requests), at: 7)
        put.bind(Int64(clamping: sum.charged), at: 8)
        put.bind(sum.amount, at: 9)
        try put.step()
        return true
    }

    /// The transaction is durable.
    func keep() { committed = count }

    /// The transaction was rolled back.
    func takeBack() { count = committed }

    private static func bind(_ key: ShadowKey, to statement: Statement) {
        statement.bind(key.day, at: 1)
        statement.bind(key.route, at: 2)
        statement.bind(key.client, at: 3)
        statement.bind(Int64(key.outcome.rawValue), at: 4)
        statement.bind(key.currency?.network.name ?? "", at: 5)
        statement.bind(key.currency?.asset?.description ?? "", at: 6)
    }

    /// Reads the row that a statement of `select` stands at.
    static func line(in row: Statement) throws(LedgerError) -> ShadowLine {
        guard let route = row.text(1), let client = row.text(2), let network = row.text(4), let asset = row.text(5),
            let outcome = ShadowOutcome(rawValue: Int(row.integer(3))), let amount = row.amount(8)
        else { throw .damagedRow }
        let currency = Network(network).map { Currency(network: $0, asset: asset.isEmpty ? nil : Account(asset)) }
        return ShadowLine(
            ShadowKey(
                day: row.integer(0), route: route, client: client, outcome: outcome, currency: currency),
            ShadowCount(
                requests: UInt64(max(row.integer(6), 0)), charged: UInt64(max(row.integer(7), 0)), amount: amount))
    }
}
