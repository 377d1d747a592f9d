import Ledger
import Primitives
import X402

/// The books of the writer.
final class JournalTable {
    private var end: JournalChain
    /// The end of what is durable.
    private var committed: JournalChain
    private let insert: Statement
    private let findFee: Statement
    private let setFee: Statement

    init(connection: OpaquePointer) throws(LedgerError) {
        insert = try Statement(JournalRow.insert, on: connection)
        findFee = try Statement("SELECT amount FROM network_fee WHERE subject = ?1", on: connection)
        setFee = try Statement(Self.setFee, on: connection)
        let last = try Statement("SELECT id, hash FROM journal ORDER BY id DESC LIMIT 1", on: connection)
        end = JournalChain()
        if try last.step() {
            guard let hash = last.bytes32(1) else { throw .damagedRow }
            end = JournalChain(number: last.integer(0), hash: hash)
        }
        committed = end
    }

    /// Writes what a transition does to the books, where it does anything.
    func note(from old: PaymentEntry?, to new: PaymentEntry, terms: StoredTerms) throws(LedgerError) {
        guard let line = JournalLine(from: old, to: new) else { return }
        try write(line, terms: terms.number, network: nil, currency: terms.currency)
    }

    /// Writes a network fee, or what it differs by from what was written.
    func post(_ fee: NetworkFee, at time: UnixTime) throws(LedgerError) -> Bool {
        guard let line = fee.line(after: try written(fee), at: time) else { return false }
        setFee.bind(line.subject, at: 1)
        setFee.bind(fee.network.name, at: 2)
        setFee.bind(fee.transaction, at: 3)
        setFee.bind(fee.wei, at: 4)
        setFee.bind(Int64(fee.payments), at: 5)
        try setFee.step()
        let currency = Currency(network: fee.network, asset: nil).digest
        try write(line, terms: nil, network: fee.network, currency: currency)
        return true
    }

    /// The transaction is durable.
    func keep() { committed = end }

    /// The transaction was rolled back.
    func takeBack() { end = committed }

    private static let setFee = """
        INSERT INTO network_fee (subject, network, rail_transaction, amount, payments) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (subject) DO UPDATE SET amount = ?4, payments = ?5
        """

    /// Writes a line at the end.
    func write(
        _ line: JournalLine, terms: Int64?, network: Network?, currency: Bytes32
    ) throws(LedgerError) {
        end.append(line, currency: currency)
        JournalRow.bind(line, terms: terms, network: network, at: end, to: insert)
        try insert.step()
    }

    private func written(_ fee: NetworkFee) throws(LedgerError) -> UInt256? {
        findFee.bind(fee.subject, at: 1)
        guard try findFee.step() else { return nil }
        defer { findFee.reset() }
        guard let amount = findFee.amount(0) else { throw .damagedRow }
        return amount
    }
}
