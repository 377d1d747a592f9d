package import Primitives

/// What a payment opens beyond the request that it came with.
///
/// A *grant* opens the same thing again, for a time, a number of uses, or a number of bytes. A *bundle* is a balance that
/// requests are charged to. Both live on after settlement, when the payment's header is public: they are opened by the token
/// that came with the first answer, or by a sign-in of the payer's key, never by the header alone.
package struct CreditTerms: Hashable, Sendable {
    /// SHA-256 of what it opens: a resource, or a route with all of its resources.
    package var scope: Bytes32
    /// The same for people.
    package var scopeName: String
    /// SHA-256 of the token.
    package var token: Bytes32
    /// Whether the amount of the payment is a balance.
    package var isBalance: Bool
    /// Requests in all, the first one among them; nil for any number.
    package var uses: UInt32?
    /// Bytes of answers in all; nil for any number.
    package var bytes: UInt64?
    /// How long it lasts from the claim; nil for ever.
    package var seconds: Int64?

    package init(
        scope: Bytes32, scopeName: String, token: Bytes32, isBalance: Bool = false, uses: UInt32? = nil,
        bytes: UInt64? = nil, seconds: Int64? = nil
    ) {
        self.scope = scope
        self.scopeName = scopeName
        self.token = token
        self.isBalance = isBalance
        self.uses = uses
        self.bytes = bytes
        self.seconds = seconds
    }
}
