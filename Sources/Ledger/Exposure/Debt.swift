package import Primitives

/// A payment that was served and whose settlement failed.
///
/// It ends when the same payment is settled after all, or when an operator forgives it. Until then its payer, and the client that
/// presented it, are served only after they paid.
package struct Debt: Hashable, Sendable {
    package var identity: PaymentIdentity
    package var key: PayerKey
    /// Keyed hash of the address that presented the payment.
    package var client: Bytes32?
    package var amount: UInt256
    package var since: UnixTime

    package init(identity: PaymentIdentity, key: PayerKey, client: Bytes32?, amount: UInt256, since: UnixTime) {
        self.identity = identity
        self.key = key
        self.client = client
        self.amount = amount
        self.since = since
    }
}
