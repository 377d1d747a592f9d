package import X402

/// A payer of one asset: balances, limits and histories are kept apart by network and asset.
package struct PayerKey: Hashable, Sendable {
    package var network: Network
    package var asset: Account
    package var payer: String

    package init(network: Network, asset: Account, payer: String) {
        self.network = network
        self.asset = asset
        self.payer = payer
    }

    package init(_ claim: borrowing Claim) {
        self.init(network: claim.network, asset: claim.asset, payer: claim.payer)
    }
}

/// What a payer's settlements were so far.
package struct PayerHistory: Hashable, Sendable {
    /// Payments to the paywall that a rail settled after their claim.
    ///
    /// A claim that opens settled has no outside effect, and earns no trust.
    package var settled: Int
    /// Payments that were served and whose settlement failed.
    package var failed: Int

    package init(settled: Int = 0, failed: Int = 0) {
        self.settled = settled
        self.failed = failed
    }

    /// Counts what a transition changed; a count never falls below zero.
    package mutating func add(_ change: ExposureChange.History) {
        settled = max(0, settled + change.settled)
        failed = max(0, failed + change.failed)
    }
}
