import GRDBSQLite
import Ledger
import Primitives

/// Terms as the file names them.
struct StoredTerms {
    var number: Int64
    /// `Currency.digest` of their network and asset.
    var currency: Bytes32
}

/// The numbers of the terms that the writer has met.
///
/// Used on the writer's thread only.
final class TermsTable {
    /// Terms kept in memory; beyond, all are forgotten and looked up again.
    private static let maximumCached = 4_096

    private let connection: OpaquePointer
    private let find: Statement
    private let insert: Statement
    private var known: [Terms: StoredTerms] = [:]
    private var last: (terms: Terms, stored: StoredTerms)?

    init(connection: OpaquePointer) throws(LedgerError) {
        self.connection = connection
        let names = Terms.columns.joined(separator: ", ")
        let values = (1...Terms.columns.count).map { "?\($0)" }
        let matches = zip(Terms.columns, values).map { "\($0) = \($1)" }.joined(separator: " AND ")
        find = try Statement("SELECT id FROM terms WHERE \(matches)", on: connection)
        insert = try Statement(
            "INSERT INTO terms (\(names)) VALUES (\(values.joined(separator: ", ")))", on: connection)
    }

    /// The terms as they are stored; they are written if they are new.
    func stored(_ terms: Terms) throws(LedgerError) -> StoredTerms {
        if let last, last.terms == terms { return last.stored }
        let stored = if let found = known[terms] { found } else { try store(terms) }
        last = (terms, stored)
        return stored
    }

    /// Forgets what a rolled back transaction may have numbered.
    func forget() {
        known.removeAll(keepingCapacity: true)
        last = nil
    }

    private func store(_ terms: Terms) throws(LedgerError) -> StoredTerms {
        if known.count >= Self.maximumCached { forget() }
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
        let stored = StoredTerms(
            number: number, currency: Currency(network: terms.network, asset: terms.asset).digest)
        known[terms] = stored
        return stored
    }
}
