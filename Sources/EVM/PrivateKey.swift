import CSecp256k1
package import Primitives

/// A signing key; its text and its mirror show the address only.
package struct PrivateKey: Sendable {
    private let scalar: Bytes32

    /// The address of the key's public half.
    package let address: Address

    /// Reads 64 hexadecimal digits, with or without `0x`, of a number from 1 to n − 1.
    package init?(hex: String) {
        guard let bytes = Hex.decode(hex), let scalar = Bytes32(bytes) else { return nil }
        self.init(scalar)
    }

    private init?(_ scalar: Bytes32) {
        let curve = Secp256k1.shared
        var key = secp256k1_pubkey()
        // The library refuses a scalar of zero or of the order and above.
        let created = scalar.withBytes { secp256k1_ec_pubkey_create(curve.context, &key, Secp256k1.start(of: $0)) }
        guard created == 1 else { return nil }
        self.scalar = scalar
        address = curve.address(of: PublicKey(key))
    }

    /// A new key from the system's generator.
    package static func random() -> PrivateKey {
        var generator = SystemRandomNumberGenerator()
        while true {
            if let key = PrivateKey(.random(using: &generator)) {
                return key
            }
        }
    }

    /// The deterministic signature of RFC 6979, with `s` in the lower half.
    package func sign(digest: Bytes32) -> RecoverableSignature {
        let context = Secp256k1.shared.context
        var signature = secp256k1_ecdsa_recoverable_signature()
        let signed = digest.withBytes { digest in
            scalar.withBytes { scalar in
                secp256k1_ecdsa_sign_recoverable(
                    context, &signature, Secp256k1.start(of: digest), Secp256k1.start(of: scalar), nil, nil)
            }
        }
        precondition(signed == 1, "a valid key signs every digest")
        return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { compact in
            var recoveryID: Int32 = 0
            secp256k1_ecdsa_recoverable_signature_serialize_compact(
                context, Secp256k1.start(of: compact), &recoveryID, &signature)
            let bytes = UnsafeRawBufferPointer(compact)
            return RecoverableSignature(
                r: Bytes32(UnsafeRawBufferPointer(rebasing: bytes[0..<32])),
                s: Bytes32(UnsafeRawBufferPointer(rebasing: bytes[32..<64])),
                recoveryID: UInt8(truncatingIfNeeded: recoveryID & 1))
        }
    }
}

extension PrivateKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The address, never the key.
    package var description: String {
        "PrivateKey(of: \(address))"
    }

    /// The address, never the key.
    package var debugDescription: String {
        description
    }

    /// A mirror whose only child is the address.
    package var customMirror: Mirror {
        Mirror(self, children: ["address": address.checksummed], displayStyle: .struct)
    }
}
