import COpenSSL

/// SHA-1 (FIPS 180-4), for protocols that ask for it by name; it protects nothing here.
package enum SHA1 {
    private nonisolated(unsafe) static let algorithm: OpaquePointer? = EVP_MD_fetch(nil, "SHA1", nil)

    /// The 20 bytes of the hash.
    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        let accepted = EVP_Digest(bytes, bytes.count, &digest, nil, algorithm, nil)
        precondition(accepted == 1, "libcrypto refused SHA-1")
        return digest
    }
}
