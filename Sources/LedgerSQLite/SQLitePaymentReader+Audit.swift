import GRDB
package import Ledger
import Primitives

extension SQLitePaymentReader {
    /// How far an audit has come.
    package struct AuditProgress: Hashable, Sendable {
        package enum Stage: Hashable, Sendable { case chain, payments }

        package var stage: Stage
        package var done: Int
        /// About as many there are in the stage.
        package var total: Int
    }

    /// Checks the whole journal against itself and against the payments, on one snapshot of the file.
    ///
    /// `known` is the head of an earlier audit, which the journal must still hold. `progress` is called from a thread of the reader's, every few thousand rows. Network fees and balances are held in memory, one
    /// row each; all else is read in order. While it runs, the log of a server on the file cannot be cleared.
    package func audit(
        known: JournalChain? = nil, progress: @escaping @Sendable (AuditProgress) -> Void = { _ in }
    ) async throws(LedgerError) -> JournalAudit {
        try await withConnection { connection throws(LedgerError) in
            var run = AuditRun(connection: connection, known: known, progress: progress)
            return try run.all()
        }
    }
}

/// One audit on one connection.
private struct AuditRun {
    private static let reportEvery = 8_192

    let connection: OpaquePointer
    let progress: (SQLitePaymentReader.AuditProgress) -> Void
    private var audit: JournalAudit

    init(
        connection: OpaquePointer, known: JournalChain?,
        progress: @escaping (SQLitePaymentReader.AuditProgress) -> Void
    ) {
        audit = JournalAudit(known: known)
        self.connection = connection
        self.progress = progress
    }

    mutating func all() throws(LedgerError) -> JournalAudit {
        try followChain()
        try compare()
        audit.finish()
        return audit
    }

    private mutating func followChain() throws(LedgerError) {
        let total = try number("SELECT coalesce(max(id), 0) FROM journal")
        let entries = try Statement(JournalRow.select + " ORDER BY j.id", on: connection)
        while try entries.step() {
            audit.follow(try JournalRow.entry(from: entries))
            report(.chain, audit.entries, of: total)
        }
    }

    /// Walks payments and entries side by side, both in the order of their identities.
    private mutating func compare() throws(LedgerError) {
        let start = try number("SELECT payment FROM journal_start")
        let total = try number("SELECT coalesce(max(id), 0) FROM payment")
        var others = Others(fees: try fees(), credits: try credits())
        var groups = try EntryGroups(Statement(JournalRow.select + " ORDER BY j.subject, j.id", on: connection))
        let payments = try Statement(PaymentRow.select + " ORDER BY p.identity", on: connection)
        var done = 0
        while try payments.step() {
            let record = try PaymentRow.entry(from: payments).record
            let identity = record.reference.identity.key
            while let group = groups.next, group.subject.isBefore(identity) {
                compareWithoutPayment(group, &others)
                try groups.advance()
            }
            var entries: [JournalEntry] = []
            if let group = groups.next, group.subject == identity {
                entries = group.entries
                try groups.advance()
            }
            if record.reference.row > start {
                audit.compare(identity, entries, with: record)
            } else {
                audit.olderPayments += 1
            }
            done += 1
            report(.payments, done, of: total)
        }
        while let group = groups.next {
            compareWithoutPayment(group, &others)
            try groups.advance()
        }
        for subject in others.fees.keys { audit.compare(subject, [], with: others.fees[subject]) }
        for subject in others.credits.keys { audit.compare(subject, [], with: others.credits[subject]) }
    }

    private mutating func compareWithoutPayment(_ group: EntryGroups.Group, _ others: inout Others) {
        guard let kind = group.entries.first?.line.kind else { return }
        if kind.isOnCredit {
            audit.compare(group.subject, group.entries, with: others.credits.removeValue(forKey: group.subject))
        } else if kind.positions == nil {
            audit.compare(group.subject, group.entries, with: others.fees.removeValue(forKey: group.subject))
        } else {
            audit.compare(group.subject, group.entries, with: PaymentRecord?.none)
        }
    }

    /// The balances, by what stands for them in the books.
    private func credits() throws(LedgerError) -> [Bytes32: Credit] {
        let rows = try Statement(CreditRow.select + " WHERE c.is_balance = 1", on: connection)
        var credits: [Bytes32: Credit] = [:]
        while try rows.step() {
            let credit = try CreditRow.found(in: rows).credit
            credits[credit.subject] = credit
        }
        return credits
    }

    private func fees() throws(LedgerError) -> [Bytes32: UInt256] {
        let rows = try Statement("SELECT subject, amount FROM network_fee", on: connection)
        var fees: [Bytes32: UInt256] = [:]
        while try rows.step() {
            guard let subject = rows.bytes32(0), let amount = rows.amount(1) else { throw .damagedRow }
            fees[subject] = amount
        }
        return fees
    }

    private func number(_ sql: String) throws(LedgerError) -> Int64 {
        let statement = try Statement(sql, on: connection)
        guard try statement.step() else { return 0 }
        return statement.integer(0)
    }

    private func report(_ stage: SQLitePaymentReader.AuditProgress.Stage, _ done: Int, of total: Int64) {
        guard done.isMultiple(of: Self.reportEvery) else { return }
        progress(SQLitePaymentReader.AuditProgress(stage: stage, done: done, total: Int(total)))
    }
}

/// What has entries beside the payments.
private struct Others {
    var fees: [Bytes32: UInt256]
    var credits: [Bytes32: Credit]
}

/// Entries that come sorted, as one group for each subject.
private struct EntryGroups {
    struct Group {
        var subject: Bytes32
        var entries: [JournalEntry]
    }

    private(set) var next: Group?
    private let rows: Statement
    private var ahead: JournalEntry?

    init(_ rows: Statement) throws(LedgerError) {
        self.rows = rows
        ahead = try Self.read(rows)
        try advance()
    }

    mutating func advance() throws(LedgerError) {
        guard let first = ahead else {
            next = nil
            return
        }
        var group = Group(subject: first.line.subject, entries: [first])
        ahead = try Self.read(rows)
        while let entry = ahead, entry.line.subject == group.subject {
            group.entries.append(entry)
            ahead = try Self.read(rows)
        }
        next = group
    }

    private static func read(_ rows: Statement) throws(LedgerError) -> JournalEntry? {
        try rows.step() ? try JournalRow.entry(from: rows) : nil
    }
}

extension Bytes32 {
    /// Whether these bytes sort before the others, as SQLite sorts them.
    fileprivate func isBefore(_ other: Bytes32) -> Bool {
        withBytes { left in other.withBytes { right in left.lexicographicallyPrecedes(right) } }
    }
}
