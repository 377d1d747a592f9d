import Ledger
import X402

/// The exposure of the writer: the book in memory, and what of it outlives the process.
///
/// The book is ahead of the file until a commit; `takeBack` undoes what a rolled back transaction did to it.
final class ExposureTable {
    private var book = ExposureBook()
    /// Changes since the last commit.
    private var uncommitted: [ExposureChange] = []

    private let findPayer: Statement
    private let countPayer: Statement
    private let insertDebt: Statement
    private let deleteDebt: Statement

    /// Loads the book; `open` is a statement that reads all open payments.
    init(connection: OpaquePointer, open: String) throws(LedgerError) {
        findPayer = try Statement(
            "SELECT settled FROM payer WHERE network = ?1 AND asset = ?2 AND name = ?3", on: connection)
        countPayer = try Statement(Self.countPayer, on: connection)
        insertDebt = try Statement(
            """
            INSERT INTO debt (identity, network, asset, payer, client_hash, amount, since)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            """, on: connection)
        deleteDebt = try Statement("DELETE FROM debt WHERE identity = ?1", on: connection)
        let payments = try Statement(open, on: connection)
        while try payments.step() { book.load(try PaymentRow.entry(from: payments)) }
        let debts = try Statement(DebtRow.select, on: connection)
        while try debts.step() { book.load(try DebtRow.debt(from: debts)) }
    }

    func verdict(on request: ReserveRequest) throws(LedgerError) -> ExposureVerdict {
        try book.verdict(on: request) { key throws(LedgerError) in try settledPayments(of: key) }
    }

    /// Takes in a transition; most change nothing here.
    func note(from old: PaymentEntry?, to new: PaymentEntry) throws(LedgerError) {
        if let change = book.change(from: old, to: new) { try make(change) }
    }

    /// Ends the debts of a payer.
    func forgive(_ payer: String) throws(LedgerError) -> [Debt] {
        let debts = book.debts(of: payer)
        for debt in debts {
            if let change = book.forgiveness(of: debt) { try make(change) }
        }
        return debts
    }

    /// The transaction is durable.
    func keep() {
        if !uncommitted.isEmpty { uncommitted.removeAll(keepingCapacity: true) }
    }

    /// The transaction was rolled back.
    func takeBack() {
        for change in uncommitted.reversed() { book.revert(change) }
        keep()
    }

    private static let countPayer = """
        INSERT INTO payer (network, asset, name, settled, failed) VALUES (?1, ?2, ?3, max(0, ?4), max(0, ?5))
        ON CONFLICT (network, asset, name)
        DO UPDATE SET settled = max(0, settled + ?4), failed = max(0, failed + ?5)
        """

    private func make(_ change: ExposureChange) throws(LedgerError) {
        book.apply(change)
        uncommitted.append(change)
        if let repaid = change.repaid {
            deleteDebt.bind(repaid.identity.key, at: 1)
            try deleteDebt.step()
        }
        if let incurred = change.incurred {
            DebtRow.bind(incurred, to: insertDebt)
            try insertDebt.step()
        }
        if let history = change.history {
            bind(history.key, to: countPayer)
            countPayer.bind(Int64(history.settled), at: 4)
            countPayer.bind(Int64(history.failed), at: 5)
            try countPayer.step()
        }
    }

    private func settledPayments(of key: PayerKey) throws(LedgerError) -> Int {
        bind(key, to: findPayer)
        guard try findPayer.step() else { return 0 }
        defer { findPayer.reset() }
        return Int(findPayer.integer(0))
    }

    private func bind(_ key: PayerKey, to statement: Statement) {
        statement.bind(key.network.name, at: 1)
        statement.bind(key.asset.description, at: 2)
        statement.bind(key.payer, at: 3)
    }
}
