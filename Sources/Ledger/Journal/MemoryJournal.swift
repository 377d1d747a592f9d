import Primitives

/// The books of a ledger without a disk.
struct MemoryJournal: Sendable {
    private(set) var entries: [JournalEntry] = []
    private var chain = JournalChain()
    private var digests: [Currency: Bytes32] = [:]
    private var fees: [Bytes32: UInt256] = [:]

    mutating func write(_ line: JournalLine, currency: Currency, transaction: String? = nil) {
        let digest = digests[currency] ?? currency.digest
        digests[currency] = digest
        chain.append(line, currency: digest)
        entries.append(
            JournalEntry(
                number: chain.number, line: line, currency: currency, transaction: transaction, hash: chain.hash))
    }

    mutating func post(_ fee: NetworkFee, at time: UnixTime) -> Bool {
        let subject = fee.subject
        guard let line = fee.line(after: fees[subject], at: time) else { return false }
        fees[subject] = fee.wei
        write(line, currency: Currency(network: fee.network, asset: nil), transaction: fee.transaction)
        return true
    }
}
