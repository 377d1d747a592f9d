package import Primitives

/// What an entry says, before it has its place in the journal.
package struct JournalLine: Hashable, Sendable {
    package var kind: JournalKind
    /// Whether a seller earned it, not the paywall.
    package var isSellers: Bool
    package var at: UnixTime
    /// The payment's identity; for a fee, `NetworkFee.subject`; for a credit, `Credit.subject`.
    package var subject: Bytes32
    /// In atomic units of the currency.
    package var amount: UInt256

    package init(kind: JournalKind, isSellers: Bool, at: UnixTime, subject: Bytes32, amount: UInt256) {
        self.kind = kind
        self.isSellers = isSellers
        self.at = at
        self.subject = subject
        self.amount = amount
    }

    /// The line that a transition writes, nil where no money changes its position; `old` is nil for a new row.
    package init?(from old: PaymentEntry?, to new: PaymentEntry) {
        guard let kind = JournalKind.between(old?.record.state, new.record.state) else { return nil }
        self.kind = kind
        isSellers = if case .seller = new.record.claim.owner { true } else { false }
        at = new.record.updatedAt
        subject = new.record.reference.identity.key
        amount = new.record.due
    }
}

/// One entry of the journal: two postings of one amount, bound to all that was written before it.
package struct JournalEntry: Hashable, Sendable {
    /// From 1, without gaps.
    package var number: Int64
    package var line: JournalLine
    package var currency: Currency
    /// The transaction that a fee was for; nil for an entry on a payment.
    package var transaction: String?
    /// SHA-256 of the hash before and of this entry; see `JournalChain`.
    package var hash: Bytes32

    package init(
        number: Int64, line: JournalLine, currency: Currency, transaction: String? = nil, hash: Bytes32
    ) {
        self.number = number
        self.line = line
        self.currency = currency
        self.transaction = transaction
        self.hash = hash
    }

    /// A debit and a credit; their sum is zero.
    package var postings: [Posting] {
        let accounts = line.kind.accounts(isSellers: line.isSellers)
        return [
            Posting(accounts.debit, isDebit: true, line.amount),
            Posting(accounts.credit, isDebit: false, line.amount),
        ]
    }
}
