package import Primitives

/// A bounded cache from payer to public key, for one event loop.
///
/// It holds two generations: the young one fills, then becomes the old one, and what was not asked for since then is
/// forgotten.
package struct PublicKeyCache {
    private var young: [Address: PublicKey] = [:]
    private var old: [Address: PublicKey] = [:]
    private let generation: Int

    /// Keeps at most that many keys.
    package init(capacity: Int = 4096) {
        precondition(capacity >= 2, "a cache keeps at least two keys")
        generation = capacity / 2
    }

    /// The number of keys kept.
    package var count: Int {
        young.count + old.count
    }

    /// Whether the claimed address made the signature.
    ///
    /// With `checkingParity` the answer is that of `ecrecover` on chain. Without it a returning payer costs a
    /// verification, a seventh less than a recovery, but a signature whose `v` was flipped passes too: only for whoever
    /// puts the right `v` into the transaction by `Secp256k1.recoveryID(of:digest:signer:)`.
    package mutating func signer(
        of digest: Bytes32, signature: RecoverableSignature, claimed: Address, checkingParity: Bool = true
    ) -> Bool {
        if !checkingParity, let key = key(of: claimed) {
            return Secp256k1.shared.verify(digest: digest, signature: signature, publicKey: key)
        }
        guard let key = Secp256k1.shared.recover(digest: digest, signature: signature),
            Secp256k1.shared.address(of: key) == claimed
        else { return false }
        remember(key, of: claimed)
        return true
    }

    private mutating func key(of address: Address) -> PublicKey? {
        if let key = young[address] { return key }
        guard let key = old.removeValue(forKey: address) else { return nil }
        remember(key, of: address)
        return key
    }

    private mutating func remember(_ key: PublicKey, of address: Address) {
        if young.count == generation {
            old = young
            young.removeAll(keepingCapacity: true)
        }
        young[address] = key
    }
}

@available(*, unavailable)
extension PublicKeyCache: Sendable {}
