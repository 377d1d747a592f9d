import Ledger
import Primitives
import X402

/// What a request of a route in shadow mode would have cost.
struct ShadowNote {
    var outcome: ShadowOutcome
    /// The offer that its price is told in; nil where it has none.
    var offer: PaymentRequirements?
    /// Whether the answer so far is one that is charged for.
    var isCharged = false
    /// Bytes of body that make it one.
    var leastBytes = 0
    /// Why a payment that came along would have been refused, or the price cannot be told.
    var reason: ReasonCode?

    /// What counts of it when `bytes` of body went out and its price is `price`.
    func count(bytes: UInt64, price: UInt256) -> ShadowCount {
        let isSold = outcome == .unpaid || outcome == .paid
        let isCharged = isSold && isCharged && bytes >= UInt64(leastBytes)
        return ShadowCount(requests: 1, charged: isCharged ? 1 : 0, amount: isCharged ? price : .zero)
    }
}
