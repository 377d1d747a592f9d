/// What the payment headers of a request say.
package enum PaymentReading: Hashable, Sendable {
    /// No payment header, or an empty one.
    case none
    case payment(Payment)
    /// Not a payment that we can read: answered with 402 and this reason.
    case undecodable(ReasonCode)
    /// Two headers with different payments: answered with 400, nothing is charged.
    case conflicting
}
