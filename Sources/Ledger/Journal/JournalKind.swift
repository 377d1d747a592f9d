/// What an entry of the journal says; its two postings follow from it.
///
/// The first six kinds, on payments, are the six ways between three positions: nothing, receivable, paid. What a chain takes back is
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
    /// What was paid is a balance that is still owed to the payer: from the first draw on.
    case deferred = 16
    /// A request was charged to a balance.
    case drawn = 17
    /// What was left of a balance was paid back.
    case refunded = 18
    /// A balance ended with its payment, which a chain took back and which was then claimed anew.
    case voided = 19

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
        case .deferred: "deferred"
        case .drawn: "drawn"
        case .refunded: "refunded"
        case .voided: "voided"
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
        case .deferred: (.revenue, .credit)
        case .drawn, .voided: (.credit, .revenue)
        case .refunded: (.credit, .payer)
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

    /// Whether an entry is on a credit, beside the payment that it came from.
    package var isOnCredit: Bool {
        switch self {
        case .deferred, .drawn, .refunded, .voided: true
        default: false
        }
    }

    /// The positions that an entry on a payment leads from and to; nil for a fee or a credit.
    package var positions: (from: JournalPosition, to: JournalPosition)? {
        switch self {
        case .sale: (.nothing, .paid)
        case .credit: (.nothing, .receivable)
        case .collection: (.receivable, .paid)
        case .saleReversed: (.paid, .nothing)
        case .collectionReversed: (.paid, .receivable)
        case .writeOff: (.receivable, .nothing)
        case .fee, .feeReversed, .deferred, .drawn, .refunded, .voided: nil
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
