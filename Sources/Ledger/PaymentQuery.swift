package import Primitives

/// Which rows to list.
package struct PaymentQuery: Hashable, Sendable {
    package var limit: Int
    /// Rows created before this row key, for paging.
    package var before: Int64?
    /// Rows created after this row key, for paging with the oldest first.
    package var after: Int64?
    package var value: ValueState?
    package var service: ServiceState?
    package var payer: String?
    package var route: String?
    package var adapter: String?
    package var timing: SettlementTiming?
    /// Rows created then or later.
    ///
    /// A store may take it that the clock was never set back by more than a day.
    package var since: UnixTime?
    package var order: Order

    /// By creation of the rows.
    package enum Order: Hashable, Sendable { case newestFirst, oldestFirst }

    package init(
        limit: Int = 50, before: Int64? = nil, after: Int64? = nil, value: ValueState? = nil,
        service: ServiceState? = nil, payer: String? = nil, route: String? = nil, adapter: String? = nil,
        timing: SettlementTiming? = nil, since: UnixTime? = nil, order: Order = .newestFirst
    ) {
        self.limit = limit
        self.before = before
        self.after = after
        self.value = value
        self.service = service
        self.payer = payer
        self.route = route
        self.adapter = adapter
        self.timing = timing
        self.since = since
        self.order = order
    }
}

extension PaymentQuery {
    /// Whether the record is one that the query asks for; the limit is not its matter.
    package func matches(_ record: PaymentRecord) -> Bool {
        if let before, record.reference.row >= before { return false }
        if let after, record.reference.row <= after { return false }
        if let since, record.createdAt < since { return false }
        if let adapter, record.claim.adapter != adapter { return false }
        if let timing, record.claim.timing != timing { return false }
        if let value, record.state.value != value { return false }
        if let service, record.state.service != service { return false }
        if let payer, record.claim.payer != payer { return false }
        guard let route else { return true }
        guard case .paywall(let binding) = record.claim.owner else { return false }
        return binding.route == route
    }
}
