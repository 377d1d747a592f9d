import EVM
import Ledger
import Primitives
import Proxy
import X402

extension PaymentRecord {
    /// Everything that is known of a payment; amounts in atomic units, times in UTC.
    var json: JSONValue {
        .members([
            "payment": .string(reference.identity.publicID),
            "value": .string(state.value.word), "service": .string(state.service.word),
            "amount": .string(claim.amount.description), "charge": .text(charge?.description),
            "asset": .string(claim.asset.description), "network": .string(claim.network.name),
            "scheme": .string(claim.scheme),
            "payer": .string(claim.payer), "payTo": .string(claim.payTo.description),
            "route": .text(binding?.route), "method": .text(binding?.method), "seller": .text(seller),
            "adapter": .string(claim.adapter), "form": .string(claim.form.word),
            "timing": .string(claim.timing.word), "transaction": .text(transaction), "reason": .text(reason),
            "redeliveries": .integer(redeliveries), "createdAt": .string(CalendarTime(createdAt).iso8601),
            "updatedAt": .string(CalendarTime(updatedAt).iso8601),
            "validBefore": .text(claim.validBefore.map { CalendarTime($0).iso8601 }),
            "leaseUntil": .text(leaseUntil.map { CalendarTime($0).iso8601 }),
            "row": .integer(reference.row),
        ])
    }

    /// The same, for people.
    var lines: [String] {
        var pairs = TextPairs()
        pairs.add("payment", reference.identity.publicID)
        pairs.add("value", state.value.word)
        pairs.add("service", state.service.word)
        pairs.add("price", AmountText.offer(claim.amount, asset: claim.asset, network: claim.network))
        pairs.add("charge", charge.map { AmountText.offer($0, asset: claim.asset, network: claim.network) })
        pairs.add("asset", claim.asset.description.shown())
        pairs.add("network", claim.network.name)
        pairs.add("payer", claim.payer.shown())
        pairs.add("pay to", claim.payTo.description.shown())
        pairs.add("route", binding?.route)
        pairs.add("method", binding?.method)
        pairs.add("seller", seller)
        pairs.add("adapter", claim.adapter)
        pairs.add("form", claim.form.word)
        pairs.add("settles", claim.timing.word)
        pairs.add("transaction", transaction?.shown())
        pairs.add("reason", reason?.shown())
        pairs.add("redeliveries", redeliveries == 0 ? nil : "\(redeliveries)")
        pairs.add("created", CalendarTime(createdAt).iso8601)
        pairs.add("updated", CalendarTime(updatedAt).iso8601)
        pairs.add("valid before", claim.validBefore.map { CalendarTime($0).iso8601 })
        pairs.add("lease until", leaseUntil.map { CalendarTime($0).iso8601 })
        return pairs.lines()
    }

    private var binding: RequestBinding? {
        guard case .paywall(let binding) = claim.owner else { return nil }
        return binding
    }

    private var seller: String? {
        guard case .seller(let binding) = claim.owner else { return nil }
        return binding.seller
    }

    /// The route, or the seller who settled it through the facilitator's API.
    fileprivate var soldBy: String { binding?.route ?? "seller \(seller ?? "")" }
}

/// A list of payments as a table.
enum PaymentTable {
    static func lines(_ records: [PaymentRecord]) -> [String] {
        var table = TextTable([
            TextTable.Column(title: "PAYMENT"), TextTable.Column(title: "CREATED"), TextTable.Column(title: "VALUE"),
            TextTable.Column(title: "SERVICE"), TextTable.Column(title: "PRICE", isRightAligned: true),
            TextTable.Column(title: "PAYER"), TextTable.Column(title: "SOLD BY"),
        ])
        table.rows = records.map { record in
            [
                record.reference.identity.publicID, CalendarTime(record.createdAt).iso8601, record.state.value.word,
                record.state.service.word, price(record), short(record.claim.payer.shown()), record.soldBy,
            ]
        }
        return table.lines
    }

    private static func price(_ record: PaymentRecord) -> String {
        let claim = record.claim
        guard let known = AssetCatalogue.asset(claim.asset, on: claim.network) else {
            return "\(record.due) units of \(short(claim.asset.description.shown()))"
        }
        return "$\(AmountText.decimal(record.due, decimals: known.decimals)) \(known.id)"
    }

    /// Both ends of an address; a shorter name as it is.
    private static func short(_ name: String) -> String {
        name.count <= 20 ? name : "\(name.prefix(6))…\(name.suffix(4))"
    }
}
