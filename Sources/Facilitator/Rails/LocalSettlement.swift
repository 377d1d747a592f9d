package import Ledger
import Primitives

/// Names the settlements of rails that move no value.
package enum LocalSettlement {
    /// The transaction of a payment: the prefix and 64 hex digits, the same each time.
    ///
    /// The digits are Keccak-256 over the ASCII text `x402:local-settlement:` and the identity's 32 bytes.
    package static func transaction(prefix: String, identity: PaymentIdentity) -> String {
        let digest = Keccak256.hash(Array("x402:local-settlement:".utf8) + identity.key.bytes)
        return prefix + digest.withBytes { Hex.encode($0, prefix: false) }
    }
}
