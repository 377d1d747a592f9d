import COpenSSL

/// Message authentication with SHA-256 (RFC 2104).
package enum HMACSHA256 {
    /// The 32-byte code of the message under the key.
    package static func authenticate(_ message: [UInt8], key: [UInt8]) -> Bytes32 {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { code in
            var count: UInt32 = 0
            let result = HMAC(
                EVP_sha256(), key, Int32(key.count), message, message.count,
                code.baseAddress?.assumingMemoryBound(to: UInt8.self), &count)
            precondition(result != nil && count == 32, "libcrypto refused HMAC-SHA256")
            return Bytes32(UnsafeRawBufferPointer(code))
        }
    }
}
