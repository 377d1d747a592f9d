import Ledger
import X402

/// What repeats from payment to payment: who sells what, on which rail, to whom.
struct Terms: Equatable {
    enum Owner: Int64 {
        case paywall = 0
        case seller = 1
    }

    var owner: Owner
    /// The route's name, or the seller's id.
    var route: String
    /// Empty for a seller.
    var method: String
    var adapter: String
    var form: PaymentForm
    var timing: SettlementTiming
    var scheme: String
    var network: Network
    var asset: Account
    var payTo: Account

    init(_ claim: borrowing Claim) {
        switch claim.owner {
        case .paywall(let binding):
            owner = .paywall
            route = binding.route
            method = binding.method
        case .seller(let binding):
            owner = .seller
            route = binding.seller
            method = ""
        }
        adapter = claim.adapter
        form = claim.form
        timing = claim.timing
        scheme = claim.scheme
        network = claim.network
        asset = claim.asset
        payTo = claim.payTo
    }
}

extension Terms: Hashable {
    /// Hashes what differs most; the rest is left to equality.
    func hash(into hasher: inout Hasher) {
        hasher.combine(route)
        hasher.combine(method)
        hasher.combine(asset)
    }
}

// MARK: - Columns

extension Terms {
    /// The columns in the order in which they are bound and read.
    static let columns = [
        "owner", "route", "method", "adapter", "form", "timing", "scheme", "network", "asset", "pay_to",
    ]

    func bind(to statement: Statement) {
        statement.bind(owner.rawValue, at: 1)
        statement.bind(route, at: 2)
        statement.bind(method, at: 3)
        statement.bind(adapter, at: 4)
        statement.bind(Int64(form.rawValue), at: 5)
        statement.bind(Int64(timing.rawValue), at: 6)
        statement.bind(scheme, at: 7)
        statement.bind(network.name, at: 8)
        statement.bind(asset.description, at: 9)
        statement.bind(payTo.description, at: 10)
    }

    /// Reads the columns from the first on; nil for a row that no version writes.
    init?(from row: Statement, first: Int32) {
        guard let owner = Owner(rawValue: row.integer(first)), let route = row.text(first + 1),
            let method = row.text(first + 2), let adapter = row.text(first + 3),
            let form = UInt8(exactly: row.integer(first + 4)).flatMap(PaymentForm.init(rawValue:)),
            let timing = UInt8(exactly: row.integer(first + 5)).flatMap(SettlementTiming.init(rawValue:)),
            let scheme = row.text(first + 6), let network = row.text(first + 7).flatMap({ Network($0) }),
            let asset = row.text(first + 8), let payTo = row.text(first + 9)
        else { return nil }
        self.owner = owner
        self.route = route
        self.method = method
        self.adapter = adapter
        self.form = form
        self.timing = timing
        self.scheme = scheme
        self.network = network
        self.asset = Account(asset)
        self.payTo = Account(payTo)
    }
}
