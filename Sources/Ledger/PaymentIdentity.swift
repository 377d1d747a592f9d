package import Primitives

/// What makes two payments the same one: a hash over the fields that its rail spends once.
///
/// Never over header bytes, which anyone can re-encode. For ERC-3009 the fields are scheme, network, asset, payer and nonce
/// (EIP-3009: a nonce is used once per authorizer and token); an offchain rail names its own.
package struct PaymentIdentity: Hashable, Sendable {
    package let key: Bytes32

    package init(key: Bytes32) { self.key = key }

    /// The public id of the payment: 32 hex digits, also sent as idempotency key to bridges.
    package var publicID: String { String(key.description.dropFirst(2).prefix(32)) }
}
