import CSecp256k1
package import Primitives

/// libsecp256k1 behind one context, which nobody changes once it is made.
package struct Secp256k1: Sendable {
    // Only the constructor writes to the context; the library lets threads share it after that.
    nonisolated(unsafe) let context: OpaquePointer

    /// The process's context.
    package static let shared = Secp256k1()

    private init() {
        guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            preconditionFailure("libsecp256k1 gave no context")
        }
        var generator = SystemRandomNumberGenerator()
        let seed = Bytes32.random(using: &generator)
        // Blinds the multiplications by secrets, against timing and power analysis.
        let blinded = seed.withBytes { secp256k1_context_randomize(context, Self.start(of: $0)) }
        precondition(blinded == 1, "libsecp256k1 did not take a seed")
        self.context = context
    }

    /// The key that made the signature, or nil when none can have.
    package func recover(digest: Bytes32, signature: RecoverableSignature) -> PublicKey? {
        var parsed = secp256k1_ecdsa_recoverable_signature()
        let accepted = signature.withCompact { compact in
            secp256k1_ecdsa_recoverable_signature_parse_compact(
                context, &parsed, Self.start(of: compact), Int32(signature.recoveryID))
        }
        guard accepted == 1 else { return nil }
        var key = secp256k1_pubkey()
        let recovered = digest.withBytes { secp256k1_ecdsa_recover(context, &key, &parsed, Self.start(of: $0)) }
        return recovered == 1 ? PublicKey(key) : nil
    }

    /// The address of the key that made the signature, as the `ecrecover` precompile gives it.
    package func recoverAddress(digest: Bytes32, signature: RecoverableSignature) -> Address? {
        recover(digest: digest, signature: signature).map { address(of: $0) }
    }

    /// The last 20 bytes of the key's Keccak-256.
    package func address(of key: PublicKey) -> Address {
        key.withUncompressed { Keccak256.hash($0) }
            .withBytes { Address(UnsafeRawBufferPointer(rebasing: $0[12...])) }
    }

    /// Whether the key made the signature; its recovery id is not looked at.
    ///
    /// A contract looks at it: what passes here with the wrong parity is refused on chain.
    package func verify(digest: Bytes32, signature: RecoverableSignature, publicKey: PublicKey) -> Bool {
        var parsed = secp256k1_ecdsa_signature()
        let accepted = signature.withCompact {
            secp256k1_ecdsa_signature_parse_compact(context, &parsed, Self.start(of: $0))
        }
        guard accepted == 1 else { return false }
        var key = publicKey.parsed
        return digest.withBytes { secp256k1_ecdsa_verify(context, &parsed, Self.start(of: $0), &key) } == 1
    }

    /// The recovery id under which the signature is the signer's, or nil when it is not the signer's at all.
    package func recoveryID(of signature: RecoverableSignature, digest: Bytes32, signer: Address) -> UInt8? {
        for recoveryID in [signature.recoveryID, 1 - signature.recoveryID] {
            let candidate = RecoverableSignature(r: signature.r, s: signature.s, recoveryID: recoveryID)
            if recoverAddress(digest: digest, signature: candidate) == signer {
                return recoveryID
            }
        }
        return nil
    }

    /// The memory as the library takes it; never empty here.
    static func start(of bytes: UnsafeRawBufferPointer) -> UnsafePointer<UInt8> {
        guard let start = bytes.baseAddress else { preconditionFailure("no bytes") }
        return start.assumingMemoryBound(to: UInt8.self)
    }

    /// The memory as the library fills it; never empty here.
    static func start(of bytes: UnsafeMutableRawBufferPointer) -> UnsafeMutablePointer<UInt8> {
        guard let start = bytes.baseAddress else { preconditionFailure("no bytes") }
        return start.assumingMemoryBound(to: UInt8.self)
    }
}

extension RecoverableSignature {
    /// Lends r ‖ s for the duration of the call.
    func withCompact<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeBytes(of: (r, s), body)
    }
}
