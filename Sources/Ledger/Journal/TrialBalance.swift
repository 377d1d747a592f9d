package import Primitives
import X402

/// What every account was debited and credited, currency by currency.
package struct TrialBalance: Sendable {
    /// One account of one currency.
    package struct Line: Hashable, Sendable {
        package var currency: Currency
        package var account: JournalAccount
        /// Nil for a sum beyond 256 bits.
        package var debit: UInt256?
        /// Nil for a sum beyond 256 bits.
        package var credit: UInt256?

        /// `debit - credit` with its sign.
        package var balance: String {
            guard let debit, let credit else { return "beyond 256 bits" }
            if let positive = debit.subtracting(credit) { return positive.description }
            return credit.subtracting(debit).map { "-\($0)" } ?? ""
        }
    }

    private struct Key: Hashable {
        var currency: Currency
        var account: JournalAccount
    }

    private struct Sides {
        var debit = AmountSum()
        var credit = AmountSum()
    }

    private var sums: [Key: Sides] = [:]

    package init() {}

    package mutating func add(_ entry: JournalEntry) {
        for posting in entry.postings {
            let key = Key(currency: entry.currency, account: posting.account)
            if posting.isDebit {
                sums[key, default: Sides()].debit.add(posting.amount)
            } else {
                sums[key, default: Sides()].credit.add(posting.amount)
            }
        }
    }

    /// Currencies whose debits and credits differ; none in any journal.
    package var unbalanced: [Currency] {
        var sides: [Currency: Sides] = [:]
        for (key, sum) in sums {
            sides[key.currency, default: Sides()].debit.add(sum.debit)
            sides[key.currency, default: Sides()].credit.add(sum.credit)
        }
        return sides.filter { $0.value.debit != $0.value.credit }.map(\.key)
    }

    /// By currency, then in the order of the accounts.
    package var lines: [Line] {
        sums.map { key, sum in
            Line(
                currency: key.currency, account: key.account, debit: sum.debit.value, credit: sum.credit.value)
        }
        .sorted { $0.order < $1.order }
    }
}

extension TrialBalance.Line {
    fileprivate var order: (String, String, UInt8) {
        (currency.network.name, currency.asset?.description ?? "", account.rawValue)
    }
}
