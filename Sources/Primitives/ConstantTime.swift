import COpenSSL

/// Comparison whose duration does not depend on the contents.
package enum ConstantTime {
    /// Whether both are of one length and equal; only the length shows in the time taken.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return CRYPTO_memcmp(left, right, left.count) == 0
    }
}
