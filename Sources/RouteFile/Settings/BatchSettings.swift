package import Facilitator
package import Pricing

/// `[payments.batch]`: how much is served before it is paid, and how it is settled together.
package struct BatchSettings: Hashable, Sendable {
    /// How often a batch is closed.
    package var interval: Duration
    /// The most payments of one transaction; a batch is closed early when it is full.
    package var maxItems: Int
    /// The most that one payer may have been served and not paid.
    package var exposureLimit: DollarAmount
    /// The most that all payers together may, on one route and network.
    package var totalExposureLimit: DollarAmount

    /// When batches are closed.
    package var plan: BatchPlan { BatchPlan(interval: interval, maxItems: maxItems) }

    /// What a payment must have left when it is claimed.
    package var leastValidity: Duration { plan.margin }
}

/// How payers that nobody knows are treated where they are served before they pay.
package struct NewPayerSettings: Hashable, Sendable {
    /// `trust_new_payers`; nil for the default: trusted up to a price of one cent.
    package var trusted: Bool?
    /// Payments that must have been settled before a payer is trusted.
    package var payments: Int
}
