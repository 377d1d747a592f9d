import Ledger
import Primitives
import X402

/// How an entry of the journal lies in the columns of `journal`.
///
/// An entry on a payment names its terms, which have currency and owner; one on a fee names the network instead.
enum JournalRow {
    /// Reads entries; a condition or an order follows.
    static let select = """
        SELECT j.id, j.kind, j.at, j.amount, j.subject, j.hash, j.network, t.owner, t.network, t.asset, \
        f.rail_transaction FROM journal AS j LEFT JOIN terms AS t ON t.id = j.terms \
        LEFT JOIN network_fee AS f ON j.network IS NOT NULL AND f.subject = j.subject
        """

    static let insert = """
        INSERT INTO journal (id, kind, at, terms, network, amount, subject, hash) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        """

    /// Binds the line that the chain ends with.
    static func bind(
        _ line: JournalLine, terms: Int64?, network: Network?, at end: JournalChain, to statement: Statement
    ) {
        statement.bind(end.number, at: 1)
        statement.bind(Int64(line.kind.rawValue), at: 2)
        statement.bind(line.at, at: 3)
        statement.bind(terms, at: 4)
        statement.bind(network?.name, at: 5)
        statement.bind(line.amount, at: 6)
        statement.bind(line.subject, at: 7)
        statement.bind(end.hash, at: 8)
    }

    static func entry(from row: Statement) throws(LedgerError) -> JournalEntry {
        guard let kind = UInt8(exactly: row.integer(1)).flatMap(JournalKind.init(rawValue:)),
            let at = row.time(2), let amount = row.amount(3), let subject = row.bytes32(4),
            let hash = row.bytes32(5), let network = (row.text(6) ?? row.text(8)).flatMap({ Network($0) })
        else { throw .damagedRow }
        let line = JournalLine(
            kind: kind, isSellers: row.integer(7) == Terms.Owner.seller.rawValue, at: at, subject: subject,
            amount: amount)
        return JournalEntry(
            number: row.integer(0), line: line,
            currency: Currency(network: network, asset: row.text(9).map { Account($0) }),
            transaction: row.text(10), hash: hash)
    }
}
