/// What an entry of the journal says; its two postings follow from it.
///
/// The six kinds on payments are the six ways between three positions: nothing, receivable, paid. What a chain takes back is
/// a counter-entry; no entry is ever changed.
package enum JournalKind: UInt8, Hashable, Sendable, CaseIterable {
    /// Paid before it was served.
    case sale = 1
    /// Served before it was paid.
    case credit = 2
    /// Paid after it was served.
    case collection = 3
    /// A chain took back a payment that was not served yet, or it was served and paid for nothing.
    case saleReversed = 4
    /// A chain took back a payment that was served: it is receivable again.
    case collectionReversed = 5
    /// Served and never paid: what was earned is taken back.
    case writeOff = 6
    /// A chain took its fee.
    case fee = 7
    /// A chain took less than was written before: its history changed.
    case feeReversed = 8

    /// The word that people and files read.
    package var word: String {
        switch self {
        case .sale: "sale"
        case .credit: "credit"
        case .collection: "collection"
        case .saleReversed: "sale_reversed"
        case .collectionReversed: "collection_reversed"
        case .writeOff: "write_off"
        case .fee: "fee"
        case .feeReversed: "fee_reversed"
        }
    }

    /// The account that is debited and the one that is credited; `isSellers` where another party earned it.
    package func accounts(isSellers: Bool) -> (debit: JournalAccount, credit: JournalAccount) {
        let earned: JournalAccount = isSellers ? .seller : .revenue
        return switch self {
        case .sale: (.payer, earned)
        case .credit: (.receivable, earned)
        case .collection: (.payer, .receivable)
        case .saleReversed: (earned, .payer)
        case .collectionReversed: (.receivable, .payer)
        case .writeOff: (earned, .receivable)
        case .fee: (.networkFee, .gas)
        case .feeReversed: (.gas, .networkFee)
        }
    }

    /// The entry that a transition of a payment makes, nil where no money changes its position.
    package static func between(_ old: PaymentState?, _ new: PaymentState) -> JournalKind? {
        switch (old.map { JournalPosition($0) } ?? .nothing, JournalPosition(new)) {
        case (.nothing, .paid): .sale
        case (.nothing, .receivable): .credit
        case (.receivable, .paid): .collection
        case (.paid, .nothing): .saleReversed
        case (.paid, .receivable): .collectionReversed
        case (.receivable, .nothing): .writeOff
        case (.nothing, .nothing), (.receivable, .receivable), (.paid, .paid): nil
        }
    }

    /// The positions that an entry on a payment leads from and to; nil for a fee.
    package var positions: (from: JournalPosition, to: JournalPosition)? {
        switch self {
        case .sale: (.nothing, .paid)
        case .credit: (.nothing, .receivable)
        case .collection: (.receivable, .paid)
        case .saleReversed: (.paid, .nothing)
        case .collectionReversed: (.paid, .receivable)
        case .writeOff: (.receivable, .nothing)
        case .fee, .feeReversed: nil
        }
    }
}

/// Where the money of a payment stands in the books.
package enum JournalPosition: Hashable, Sendable {
    case nothing, receivable, paid

    /// A payment is receivable from when it is served until it is settled, or nothing will come.
    package init(_ state: PaymentState) {
        switch state.value {
        case .settled: self = .paid
        case .owed: self = .receivable
        case .released, .expired, .writtenOff: self = .nothing
        case .reserved, .settling, .uncertain: self = state.service == .delivered ? .receivable : .nothing
        }
    }
}
