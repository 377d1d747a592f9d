import GRDBSQLite
import Ledger

/// The numbers of the terms that the writer has met.
///
/// Used on the writer's thread only.
final class TermsTable {
    /// Terms kept in memory; beyond, all are forgotten and looked up again.
    private static let maximumCached = 4_096

    private let connection: OpaquePointer
    private let find: Statement
    private let insert: Statement
    private var numbers: [Terms: Int64] = [:]
    private var last: (terms: Terms, number: Int64)?

    init(connection: OpaquePointer) throws(LedgerError) {
        self.connection = connection
        let names = Terms.columns.joined(separator: ", ")
        let values = (1...Terms.columns.count).map { "?\($0)" }
        let matches = zip(Terms.columns, values).map { "\($0) = \($1)" }.joined(separator: " AND ")
        find = try Statement("SELECT id FROM terms WHERE \(matches)", on: connection)
        insert = try Statement(
            "INSERT INTO terms (\(names)) VALUES (\(values.joined(separator: ", ")))", on: connection)
    }

    /// The number of the terms, which are written if they are new.
    func number(of terms: Terms) throws(LedgerError) -> Int64 {
        if let last, last.terms == terms { return last.number }
        let number = if let known = numbers[terms] { known } else { try store(terms) }
        last = (terms, number)
        return number
    }

    /// Forgets what a rolled back transaction may have numbered.
    func forget() {
        numbers.removeAll(keepingCapacity: true)
        last = nil
    }

    private func store(_ terms: Terms) throws(LedgerError) -> Int64 {
        if numbers.count >= Self.maximumCached { forget() }
        terms.bind(to: find)
        let number: Int64
        if try find.step() {
            number = find.integer(0)
            find.reset()
        } else {
            terms.bind(to: insert)
            try insert.step()
            number = sqlite3_last_insert_rowid(connection)
        }
        numbers[terms] = number
        return number
    }
}
