import COpenSSL

/// What every `SSL_CTX` of ours keeps to, on either side.
enum TLSPolicy {
    /// The cipher suites of TLS 1.2: forward secret and authenticated only (RFC 9325 §4.2).
    static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
    /// OpenSSL's level of 112 bits: no RSA key under 2048 bits, no SHA-1 signature.
    private static let minSecurityLevel: Int32 = 2

    /// Sets versions, ciphers and what is switched off; false if OpenSSL refuses.
    static func apply(to context: OpaquePointer) -> Bool {
        guard farebox_ssl_ctx_set_min_version(context, TLS1_2_VERSION) == 1,
            SSL_CTX_set_cipher_list(context, ciphers) == 1
        else { return false }
        if SSL_CTX_get_security_level(context) < minSecurityLevel {
            SSL_CTX_set_security_level(context, minSecurityLevel)
        }
        farebox_ssl_ctx_harden(context)
        return true
    }

    /// Makes a password-protected key fail instead of asking at the terminal.
    ///
    /// - Parameter asked: Set when a password was asked for; valid until the files are read.
    static func refusePasswords(_ context: OpaquePointer, asked: UnsafeMutablePointer<Bool>) {
        SSL_CTX_set_default_passwd_cb(context) { _, _, _, asked in
            asked?.assumingMemoryBound(to: Bool.self).pointee = true
            return -1
        }
        SSL_CTX_set_default_passwd_cb_userdata(context, asked)
    }
}
