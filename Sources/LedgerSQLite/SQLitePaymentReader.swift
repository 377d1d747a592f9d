import GRDB
package import Ledger
import Primitives

/// A view of a ledger file that never writes; for queries, and for the command line beside a running server.
package final class SQLitePaymentReader: Sendable {
    private let database: DatabaseQueue

    /// Opens an existing file of the current version.
    package init(path: String) throws(LedgerError) {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.label = "ledger.reader"
        configuration.busyMode = .timeout(1)
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            try database.read { try LedgerSchema.requireCurrent($0) }
        } catch {
            throw LedgerError(error)
        }
    }

    /// The payment with this identity, nil if there is none.
    package func payment(_ identity: PaymentIdentity) async throws(LedgerError) -> PaymentRecord? {
        try await records(" WHERE p.identity = ?1") { $0.bind(identity.key, at: 1) }.first
    }

    /// The payment whose public id this is.
    package func payment(publicID: String) async throws(LedgerError) -> PaymentRecord? {
        guard publicID.utf8.count == 32, let front = Hex.decode(publicID), front.count == 16,
            let low = Bytes32(front + [UInt8](repeating: 0, count: 16)),
            let high = Bytes32(front + [UInt8](repeating: 0xFF, count: 16))
        else { return nil }
        return try await records(" WHERE p.identity BETWEEN ?1 AND ?2 LIMIT 1") {
            $0.bind(low, at: 1)
            $0.bind(high, at: 2)
        }.first
    }

    /// Rows in order of their creation.
    package func payments(_ query: PaymentQuery) async throws(LedgerError) -> [PaymentRecord] {
        try await withConnection { connection throws(LedgerError) in
            var query = query
            if let since = query.since {
                let floor = try RowsByTime(connection).first(since: since)
                query.after = max(query.after ?? 0, floor - 1)
            }
            return try Self.rows(PaymentRow.select + Self.filter(query), on: connection) {
                $0.bind(query.before, at: 1)
                $0.bind(query.payer, at: 2)
                $0.bind(query.route, at: 3)
                $0.bind(query.after, at: 4)
                $0.bind(query.adapter, at: 5)
                $0.bind(query.since, at: 6)
            } read: { statement throws(LedgerError) in
                try PaymentRow.entry(from: statement).record
            }
        }
    }

    /// All debts, oldest first.
    package func debts() async throws(LedgerError) -> [Debt] {
        try await rows(DebtRow.select) { statement throws(LedgerError) in try DebtRow.debt(from: statement) }
    }

    /// Entries of the journal after a number, in their order.
    package func journal(after number: Int64, limit: Int) async throws(LedgerError) -> [JournalEntry] {
        try await rows(JournalRow.select + " WHERE j.id > ?1 ORDER BY j.id LIMIT \(max(limit, 0))") {
            $0.bind(number, at: 1)
        } read: { statement throws(LedgerError) in
            try JournalRow.entry(from: statement)
        }
    }

    /// Closes the file.
    package func close() {
        try? database.close()
    }

    private static func filter(_ query: PaymentQuery) -> String {
        var conditions: [String] = []
        if query.before != nil { conditions.append("p.id < ?1") }
        if query.after != nil { conditions.append("p.id > ?4") }
        if let value = query.value {
            conditions.append("p.value = \(value.rawValue)")
            if !value.isTerminal { conditions.append(LedgerSchema.isOpen) }
        }
        if let service = query.service { conditions.append("p.service = \(service.rawValue)") }
        if query.payer != nil { conditions.append("p.payer = ?2") }
        if query.since != nil { conditions.append("p.created_at >= ?6") }
        if query.route != nil { conditions.append("t.owner = \(Terms.Owner.paywall.rawValue) AND t.route = ?3") }
        if query.adapter != nil { conditions.append("t.adapter = ?5") }
        if let timing = query.timing { conditions.append("t.timing = \(timing.rawValue)") }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let direction = query.order == .newestFirst ? "DESC" : "ASC"
        return filter + " ORDER BY p.id \(direction) LIMIT \(max(query.limit, 0))"
    }

    private func records(
        _ condition: String, bind: @escaping @Sendable (Statement) -> Void
    ) async throws(LedgerError) -> [PaymentRecord] {
        try await rows(PaymentRow.select + condition, bind: bind) { statement throws(LedgerError) in
            try PaymentRow.entry(from: statement).record
        }
    }

    func rows<Row: Sendable>(
        _ sql: String, bind: @escaping @Sendable (Statement) -> Void = { _ in },
        read: @escaping @Sendable (Statement) throws(LedgerError) -> Row
    ) async throws(LedgerError) -> [Row] {
        try await withConnection { connection throws(LedgerError) in
            try Self.rows(sql, on: connection, bind: bind, read: read)
        }
    }

    private static func rows<Row>(
        _ sql: String, on connection: OpaquePointer, bind: (Statement) -> Void,
        read: (Statement) throws(LedgerError) -> Row
    ) throws(LedgerError) -> [Row] {
        let statement = try Statement(sql, on: connection)
        bind(statement)
        var rows: [Row] = []
        while try statement.step() { rows.append(try read(statement)) }
        return rows
    }

    /// Lends the connection for a reading of one snapshot.
    func withConnection<R: Sendable>(
        _ body: @escaping @Sendable (OpaquePointer) throws(LedgerError) -> R
    ) async throws(LedgerError) -> R {
        do {
            return try await database.read { db in
                guard let connection = db.sqliteConnection else { throw LedgerError.isClosed }
                return try body(connection)
            }
        } catch {
            throw LedgerError(error)
        }
    }
}
