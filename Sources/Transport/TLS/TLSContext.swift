import COpenSSL

/// The settings and trusted certificates that TLS connections share.
///
/// Unchecked: OpenSSL allows an `SSL_CTX` that is no longer changed to be used from several threads, and nothing
/// changes it after `init`.
final class TLSContext: @unchecked Sendable {
    /// The cipher suites of TLS 1.2: forward secret and authenticated only (RFC 9325 §4.2).
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
    /// OpenSSL's level of 112 bits: no RSA key under 2048 bits, no SHA-1 signature.
    private static let minSecurityLevel: Int32 = 2

    private let context: OpaquePointer

    /// Settings for connections to servers whose certificates are always checked.
    init(client configuration: ClientTLSConfiguration) throws(TransportError) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw TransportError(.invalidConfiguration, detail: TLSFailure.queuedReason())
        }
        self.context = context
        try secure()
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        // Clients offer this one protocol, in ALPN's wire form (RFC 7301 §3.1); the call returns 0 for success.
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        try require(SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0)
        if configuration.trustsSystem {
            try require(SSL_CTX_set_default_verify_paths(context) == 1)
        }
        if let file = configuration.authorityFile {
            guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
                throw TransportError(.invalidConfiguration, detail: "\(file): \(TLSFailure.queuedReason())")
            }
        }
    }

    deinit { SSL_CTX_free(context) }

    private func secure() throws(TransportError) {
        try require(farebox_ssl_ctx_set_min_version(context, TLS1_2_VERSION) == 1)
        try require(SSL_CTX_set_cipher_list(context, TLSContext.ciphers) == 1)
        if SSL_CTX_get_security_level(context) < TLSContext.minSecurityLevel {
            SSL_CTX_set_security_level(context, TLSContext.minSecurityLevel)
        }
        farebox_ssl_ctx_harden(context)
    }

    private func require(_ succeeded: Bool) throws(TransportError) {
        guard succeeded else { throw TransportError(.invalidConfiguration, detail: TLSFailure.queuedReason()) }
    }

    /// A new connection's state, which the caller frees.
    func makeSession() -> OpaquePointer? { SSL_new(context) }
}
