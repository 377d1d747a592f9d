import Ledger
import Primitives
import Proxy
import X402

extension PaymentRecord {
    /// The members of `json`, in its order; absent ones are empty cells.
    static let csvColumns = [
        "payment", "value", "service", "amount", "charge", "asset", "network", "scheme", "payer", "payTo", "route",
        "method",
        "seller", "adapter", "form", "timing", "transaction", "reason", "redeliveries", "createdAt", "updatedAt",
        "validBefore", "leaseUntil", "row",
    ]

    var csvLine: String { json.csvLine(Self.csvColumns) }
}

extension JournalEntry {
    static let csvColumns = [
        "entry", "at", "kind", "payment", "transaction", "network", "asset", "account", "debit", "credit", "hash",
    ]

    /// One object for each posting; a fee names its transaction instead of a payment, and its currency has no asset.
    var json: [JSONValue] {
        let isFee = line.kind.positions == nil
        return postings.map { posting in
            .members([
                "entry": .integer(number), "at": .string(CalendarTime(line.at).iso8601),
                "kind": .string(line.kind.word),
                "payment": isFee ? nil : .string(PaymentIdentity(key: line.subject).publicID),
                "transaction": .text(transaction), "network": .string(currency.network.name),
                "asset": .text(currency.asset?.description), "account": .string(posting.account.word),
                "debit": posting.isDebit ? .string(posting.amount.description) : nil,
                "credit": posting.isDebit ? nil : .string(posting.amount.description),
                "hash": .string(hash.description),
            ])
        }
    }

    var jsonLines: [String] { json.map(\.line) }

    var csvLines: [String] { json.map { $0.csvLine(Self.csvColumns) } }
}

extension JSONValue {
    /// The members of a flat object under these columns.
    fileprivate func csvLine(_ columns: [String]) -> String {
        CSVLine.text(
            columns.map { column in
                switch self[column] {
                case .string(let text): text
                case .number(let digits): digits
                default: nil
                }
            })
    }
}
