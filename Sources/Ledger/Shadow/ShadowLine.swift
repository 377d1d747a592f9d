package import Primitives

/// What became of the price of a request that asked nothing (`mode = "shadow"`).
package enum ShadowOutcome: Int, Hashable, Sendable, CaseIterable {
    /// It would have been asked for a payment.
    case unpaid = 1
    /// It would have been served on what is free.
    case free = 2
    /// It brought a payment that is good as far as can be told without asking anybody.
    case paid = 3
    /// It brought a payment that would have been refused.
    case refused = 4
    /// Its price cannot be told: it would have been answered 400, 413, 415 or 503.
    case unpriced = 5

    /// The word for logs and reports.
    package var word: String {
        switch self {
        case .unpaid: "unpaid"
        case .free: "free"
        case .paid: "paid"
        case .refused: "refused"
        case .unpriced: "unpriced"
        }
    }
}

/// Which requests are counted together.
package struct ShadowKey: Hashable, Sendable {
    /// Days since 1970-01-01 UTC.
    package var day: Int64
    package var route: String
    /// The client's address or network, or a hash of what it is known by.
    package var client: String
    package var outcome: ShadowOutcome
    /// What the price is in; nil where there is none.
    package var currency: Currency?

    package init(day: Int64, route: String, client: String, outcome: ShadowOutcome, currency: Currency?) {
        self.day = day
        self.route = route
        self.client = client
        self.outcome = outcome
        self.currency = currency
    }

    /// The same for all clients that are not kept apart any more.
    package var withoutClient: ShadowKey {
        var key = self
        key.client = ShadowLimits.others
        return key
    }
}

/// What requests would have brought.
package struct ShadowCount: Hashable, Sendable {
    package var requests: UInt64
    /// Requests whose answer would have been charged for.
    package var charged: UInt64
    /// The sum of their prices, in atomic units.
    package var amount: UInt256

    package init(requests: UInt64 = 0, charged: UInt64 = 0, amount: UInt256 = .zero) {
        self.requests = requests
        self.charged = charged
        self.amount = amount
    }

    /// Adds; at its bound a number stays there.
    package mutating func add(_ other: ShadowCount) {
        requests = Self.sum(requests, other.requests)
        charged = Self.sum(charged, other.charged)
        amount = amount.adding(other.amount) ?? .max
    }

    private static func sum(_ first: UInt64, _ second: UInt64) -> UInt64 {
        let (sum, isOver) = first.addingReportingOverflow(second)
        // What a store can hold.
        return isOver ? UInt64(Int64.max) : min(sum, UInt64(Int64.max))
    }
}

/// Requests of one kind, and what they would have brought.
package struct ShadowLine: Hashable, Sendable {
    package var key: ShadowKey
    package var count: ShadowCount

    package init(_ key: ShadowKey, _ count: ShadowCount) {
        self.key = key
        self.count = count
    }
}

/// What is kept of requests that asked nothing.
package enum ShadowLimits {
    /// Lines that a store keeps; beyond, new clients are counted together.
    package static let maximumLines = 500_000
    /// The client of those that are counted together.
    package static let others = "others"
}
