package import Primitives

/// What a claim is measured against before it is granted.
///
/// Bounds in atomic units of the claim's asset; a bound that is nil is not asked for. `perPayer`, `total`, `newcomer` and debts
/// concern claims that would be forwarded before they are settled; such a claim is then settled first instead.
package struct ExposureTerms: Hashable, Sendable {
    /// What the payer has of the asset, as the chain told.
    package var balance: UInt256?
    /// The most that a payer may have been served and not paid, this claim included.
    package var perPayer: UInt256?
    /// The most that all payers may have been served and not paid on this route, network and asset, this claim included.
    package var total: UInt256?
    package var newcomer: NewcomerRule?

    package init(
        balance: UInt256? = nil, perPayer: UInt256? = nil, total: UInt256? = nil, newcomer: NewcomerRule? = nil
    ) {
        self.balance = balance
        self.perPayer = perPayer
        self.total = total
        self.newcomer = newcomer
    }
}

/// How a payer earns to be served before it has paid.
package struct NewcomerRule: Hashable, Sendable {
    /// Payments in this network and asset that must have been settled before.
    package var payments: Int

    package init(payments: Int) { self.payments = payments }
}

/// What the exposure says of a claim.
package enum ExposureVerdict: Hashable, Sendable {
    /// It may open as it asks.
    case asAsked
    /// It must be settled before it is forwarded.
    case settleFirst
    /// With what is pending already it is more than the payer has.
    case overdrawn
}
