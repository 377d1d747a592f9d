package import Primitives
package import X402

/// What a chain took for a transaction of ours, in its own coin.
package struct NetworkFee: Hashable, Sendable {
    package var network: Network
    package var transaction: String
    /// In the coin's smallest unit.
    package var wei: UInt256
    /// How many payments the transaction was for; none where it settled nothing.
    package var payments: Int

    package init(network: Network, transaction: String, wei: UInt256, payments: Int) {
        self.network = network
        self.transaction = transaction
        self.wei = wei
        self.payments = payments
    }

    /// What stands for the transaction in the journal: SHA-256 of the network's name, a zero byte and the transaction.
    package var subject: Bytes32 { SHA256.hash("\(network.name)\u{0}\(transaction)") }

    /// The line that brings the books from what was written before to this fee, nil where they agree.
    package func line(after written: UInt256?, at: UnixTime) -> JournalLine? {
        let written = written ?? .zero
        if let more = wei.subtracting(written) {
            guard more != .zero else { return nil }
            return JournalLine(kind: .fee, isSellers: false, at: at, subject: subject, amount: more)
        }
        guard let less = written.subtracting(wei) else { return nil }
        return JournalLine(kind: .feeReversed, isSellers: false, at: at, subject: subject, amount: less)
    }
}
