/// Which of our offers a payment is meant for.
package enum OfferMatch: Hashable, Sendable {
    /// Index into the offers.
    case offer(Int)
    case none(ReasonCode)
    /// A plain payment that names no chain and asset while several are offered.
    case ambiguous
}
