import COpenSSL

/// The settings and trusted certificates that outgoing TLS connections share.
///
/// Unchecked: OpenSSL allows an `SSL_CTX` that is no longer changed to be used from several threads, and nothing
/// changes it after `init`.
final class TLSContext: @unchecked Sendable {
    private let context: OpaquePointer
    private let configuration: ClientTLSConfiguration
    /// What would resume earlier connections.
    let sessions: ClientSessions?

    /// Settings for connections to servers.
    init(client configuration: ClientTLSConfiguration) throws(TransportError) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw TransportError(.invalidConfiguration, detail: TLSFailure.queuedReason())
        }
        self.context = context
        self.configuration = configuration
        sessions = configuration.resumesSessions ? ClientSessions() : nil
        try require(TLSPolicy.apply(to: context))
        try trust()
        if !configuration.protocols.isEmpty {
            let offer = ApplicationProtocol.wireForm(configuration.protocols)
            // The call returns 0 for success.
            try require(SSL_CTX_set_alpn_protos(context, offer, UInt32(offer.count)) == 0)
        }
        if sessions != nil {
            farebox_ssl_ctx_on_session(context) { ssl, session in
                // The session stays OpenSSL's: what is kept is a copy.
                if let session { TLSEngine.of(ssl)?.sessions?.keep(session) }
                return 0
            }
        }
        try identify()
    }

    deinit { SSL_CTX_free(context) }

    private func trust() throws(TransportError) {
        SSL_CTX_set_verify(context, configuration.verifiesServer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if configuration.trustsSystem {
            try require(SSL_CTX_set_default_verify_paths(context) == 1)
        }
        if let file = configuration.authorityFile {
            try require(SSL_CTX_load_verify_locations(context, file, nil) == 1, file)
        }
    }

    /// Loads what is shown to servers that ask for a certificate.
    private func identify() throws(TransportError) {
        guard let identity = configuration.identity else { return }
        var asksPassword = false
        let keyFails = withUnsafeMutablePointer(to: &asksPassword) { asked in
            TLSPolicy.refusePasswords(context, asked: asked)
            defer { SSL_CTX_set_default_passwd_cb_userdata(context, nil) }
            return SSL_CTX_use_PrivateKey_file(context, identity.keyFile, SSL_FILETYPE_PEM) != 1
        }
        if asksPassword {
            throw TransportError(.invalidConfiguration, detail: "\(identity.keyFile): is protected by a password")
        }
        try require(!keyFails, identity.keyFile)
        // After the key, so that a certificate of another key is refused here.
        try require(
            SSL_CTX_use_certificate_chain_file(context, identity.certificateFile) == 1, identity.certificateFile)
        try require(SSL_CTX_check_private_key(context) == 1, identity.keyFile)
    }

    private func require(_ succeeded: Bool, _ file: String? = nil) throws(TransportError) {
        guard succeeded else {
            let reason = TLSFailure.queuedReason()
            throw TransportError(.invalidConfiguration, detail: file.map { "\($0): \(reason)" } ?? reason)
        }
    }

    /// A new connection's state, which the caller frees.
    func makeSession() -> OpaquePointer? { SSL_new(context) }

    /// Sets the name to ask for and to check: a DNS name of the subject alternative names, never the common name
    /// (RFC 9525 §2), and for an IP literal its address, without SNI (RFC 6066 §3).
    func expectPeer(of ssl: OpaquePointer, _ host: String, isIPLiteral: Bool) -> Bool {
        let (name, isIPLiteral) = configuration.serverName.map { ($0, false) } ?? (host, isIPLiteral)
        guard let parameters = SSL_get0_param(ssl) else { return false }
        if isIPLiteral { return X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 }
        X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        return X509_VERIFY_PARAM_set1_host(parameters, name, name.utf8.count) == 1
            && farebox_ssl_set_server_name(ssl, name) == 1
    }
}
