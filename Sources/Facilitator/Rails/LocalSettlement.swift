package import Ledger
import Primitives

/// Names the settlements of rails that move no value.
package enum LocalSettlement {
    /// The transaction of a payment: the prefix and 64 hex digits, the same each time.
    ///
    /// The digits are Keccak-256 over the ASCII text `x402:local-settlement:` and the identity's 32 bytes.
    package static func transaction(prefix: String, identity: PaymentIdentity) -> String {
        let tag: StaticString = "x402:local-settlement:"
        let tagCount = tag.utf8CodeUnitCount
        let digest = withUnsafeTemporaryAllocation(byteCount: tagCount + 32, alignment: 8) { message in
            tag.withUTF8Buffer { message.copyMemory(from: UnsafeRawBufferPointer($0)) }
            identity.key.withBytes {
                UnsafeMutableRawBufferPointer(rebasing: message[tagCount...]).copyMemory(from: $0)
            }
            return Keccak256.hash(UnsafeRawBufferPointer(message))
        }
        return prefix + digest.withBytes { Hex.encode($0, prefix: false) }
    }
}
