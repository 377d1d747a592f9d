import COpenSSL

/// An incremental SHA-256 (FIPS 180-4).
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    // Fetched once: each implicit fetch by EVP_sha256() walks the provider tables under a lock.
    private nonisolated(unsafe) static let algorithm: OpaquePointer? = EVP_MD_fetch(nil, "SHA256", nil)

    /// Starts with the empty input.
    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, Self.algorithm, nil) == 1 else {
            preconditionFailure("libcrypto refused SHA-256")
        }
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    /// Appends bytes to the input.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        let accepted = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(accepted == 1, "libcrypto refused SHA-256 input")
    }

    /// The hash of all that was appended.
    package consuming func finish() -> Bytes32 {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { digest in
            let start = digest.baseAddress?.assumingMemoryBound(to: UInt8.self)
            let finished = EVP_DigestFinal_ex(context, start, nil)
            precondition(finished == 1, "libcrypto refused a SHA-256 result")
            return Bytes32(UnsafeRawBufferPointer(digest))
        }
    }

    /// The hash of one run of bytes.
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> Bytes32 {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// The hash of an array.
    package static func hash(_ bytes: [UInt8]) -> Bytes32 {
        bytes.withUnsafeBytes { hash($0) }
    }

    /// The hash of a string's UTF-8.
    package static func hash(_ text: String) -> Bytes32 {
        var text = text
        return text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }
}
