package import Primitives

/// A Permit2 `PermitWitnessTransferFrom` and the signature over it, as read from the wire.
package struct SignedPermit: Hashable, Sendable {
    package var from: Address
    /// The token and the most of it that may move.
    package var token: Address
    package var amount: UInt256
    /// The contract that may spend it: one of the x402 proxies in a good payment.
    package var spender: Address
    /// What Permit2 accepts once per payer, whatever the token.
    package var nonce: UInt256
    /// The last second at which the contract accepts.
    package var deadline: UInt256
    /// Whom the witness names as the recipient.
    package var to: Address
    /// Who alone may settle, in the witness of scheme `upto`; nil in that of `exact`.
    package var facilitator: Address?
    package var validAfter: UInt256
    package var signature: PaymentSignature

    package init(
        from: Address, token: Address, amount: UInt256, spender: Address, nonce: UInt256, deadline: UInt256,
        to: Address, facilitator: Address? = nil, validAfter: UInt256, signature: PaymentSignature
    ) {
        self.from = from
        self.token = token
        self.amount = amount
        self.spender = spender
        self.nonce = nonce
        self.deadline = deadline
        self.to = to
        self.facilitator = facilitator
        self.validAfter = validAfter
        self.signature = signature
    }
}
