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

    /// Rows in order of their creation, newest first.
    package func payments(_ query: PaymentQuery) async throws(LedgerError) -> [PaymentRecord] {
        var conditions: [String] = []
        if query.before != nil { conditions.append("p.id < ?1") }
        if let value = query.value {
            conditions.append("p.value = \(value.rawValue)")
            if !value.isTerminal { conditions.append(LedgerSchema.isOpen) }
        }
        if let service = query.service { conditions.append("p.service = \(service.rawValue)") }
        if query.payer != nil { conditions.append("p.payer = ?2") }
        if query.route != nil { conditions.append("t.owner = \(Terms.Owner.paywall.rawValue) AND t.route = ?3") }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return try await records(filter + " ORDER BY p.id DESC LIMIT \(max(query.limit, 0))") {
            if let before = query.before { $0.bind(before, at: 1) }
            if let payer = query.payer { $0.bind(payer, at: 2) }
            if let route = query.route { $0.bind(route, at: 3) }
        }
    }

    /// Closes the file.
    package func close() {
        try? database.close()
    }

    private func records(
        _ condition: String, bind: @escaping @Sendable (Statement) -> Void
    ) async throws(LedgerError) -> [PaymentRecord] {
        do {
            return try await database.read { db in
                guard let connection = db.sqliteConnection else { throw LedgerError.isClosed }
                let statement = try Statement(PaymentRow.select + condition, on: connection)
                bind(statement)
                var records: [PaymentRecord] = []
                while try statement.step() { records.append(try PaymentRow.entry(from: statement).record) }
                return records
            }
        } catch {
            throw LedgerError(error)
        }
    }
}
