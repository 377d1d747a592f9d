import COpenSSL
import Primitives

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The certificates and settings of new connections; never changed, only replaced.
///
/// A connection keeps the one that it began with.
final class ServerTLSContext: Sendable {
    let certificates: [ServerCertificate]
    let names: ServerNames
    let isNameStrict: Bool
    let tickets: TicketKeys

    private init(
        certificates: [ServerCertificate], names: ServerNames, isNameStrict: Bool, tickets: TicketKeys
    ) {
        self.certificates = certificates
        self.names = names
        self.isNameStrict = isNameStrict
        self.tickets = tickets
        for certificate in certificates { installCallbacks(on: certificate) }
    }

    /// A new connection's state under the first certificate, which the caller frees.
    func makeSession() -> OpaquePointer? { certificates.first.flatMap { SSL_new($0.context) } }

    /// The names that requests of a connection are kept to, by the name that it was made for; nil where any will do.
    func strictNames(of name: String?) -> ServerNames? {
        guard isNameStrict, let index = name.flatMap({ names.certificate(for: $0) }) else { return nil }
        return certificates[index].ownNames
    }

    /// Loads everything, or says each thing that is wrong; nil after a mistake.
    static func load(
        _ configuration: ServerTLSConfiguration, tickets: TicketKeys, now: time_t = time(nil),
        mistake: (ServerTLSMistake) -> Void
    ) -> ServerTLSContext? {
        var certificates: [ServerCertificate] = []
        var names = ServerNames()
        var mistakes: Set<ServerTLSMistake> = []
        let policy = ServerTLSPolicy(configuration)
        for (index, files) in configuration.certificates.enumerated() {
            do throws(ServerTLSMistake) {
                let certificate = try ServerCertificate.load(files, index: index, now: now)
                certificates.append(certificate)
                for name in certificate.names { names.add(name, of: index) }
                try policy.apply(to: certificate.context)
            } catch {
                // What is wrong with the settings is wrong for every certificate.
                if mistakes.insert(error).inserted { mistake(error) }
            }
        }
        guard mistakes.isEmpty, !certificates.isEmpty else { return nil }
        return ServerTLSContext(
            certificates: certificates, names: names, isNameStrict: configuration.isNameStrict, tickets: tickets)
    }
}

/// What all certificates of a listener have in common.
private struct ServerTLSPolicy {
    let configuration: ServerTLSConfiguration
    /// What a session may be resumed under (`SSL_CTX_set_session_id_context(3)`): the same demands on clients.
    let sessionContext: Bytes32

    init(_ configuration: ServerTLSConfiguration) {
        self.configuration = configuration
        var hash = SHA256()
        let demand = "farebox \(configuration.clientCertificates.rawValue) \(configuration.minVersion.rawValue) "
        for part in [demand, configuration.clientAuthorityFile.map(Self.content) ?? ""] {
            var part = part
            part.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
        }
        sessionContext = hash.finish()
    }

    /// What a file holds, as far as a change shows; the mistake of one that cannot be read is told elsewhere.
    private static func content(of file: String) -> String {
        guard let source = BIO_new_file(file, "rb") else {
            ERR_clear_error()
            return ""
        }
        defer { BIO_free(source) }
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while content.count < 1 << 24 {
            let count = BIO_read(source, &piece, Int32(piece.count))
            guard count > 0 else { break }
            content += piece[..<Int(count)]
        }
        return Hex.encode(content, prefix: false)
    }

    func apply(to context: OpaquePointer) throws(ServerTLSMistake) {
        ERR_clear_error()
        let version = configuration.minVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        guard farebox_ssl_ctx_set_min_version(context, version) == 1,
            sessionContext.withBytes({ bytes in
                SSL_CTX_set_session_id_context(
                    context, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(bytes.count))
            }) == 1
        else { throw ServerTLSMistake(.library, TLSFailure.queuedReason()) }
        farebox_ssl_ctx_prefer_own_order(context)
        try setCiphers(context)
        try setGroups(context)
        try askClients(context)
        if !configuration.givesTickets { farebox_ssl_ctx_refuse_tickets(context) }
    }

    private func setCiphers(_ context: OpaquePointer) throws(ServerTLSMistake) {
        let latest = configuration.ciphers.filter { $0.hasPrefix("TLS_") }
        let earlier = configuration.ciphers.filter { !$0.hasPrefix("TLS_") }
        for name in latest where SSL_CTX_set_ciphersuites(context, name) != 1 { throw unknown(.ciphers, name) }
        // What takes away or sorts (`ciphers(1)`) means nothing alone.
        for name in earlier where !"!-+@".contains(name.first ?? "!") {
            if SSL_CTX_set_cipher_list(context, name) != 1 { throw unknown(.ciphers, name) }
        }
        guard latest.isEmpty || SSL_CTX_set_ciphersuites(context, latest.joined(separator: ":")) == 1,
            SSL_CTX_set_cipher_list(context, earlier.isEmpty ? TLSPolicy.ciphers : earlier.joined(separator: ":")) == 1
        else { throw ServerTLSMistake(.ciphers, "cannot be used together: \(TLSFailure.queuedReason())") }
    }

    private func setGroups(_ context: OpaquePointer) throws(ServerTLSMistake) {
        for name in configuration.groups where farebox_ssl_ctx_set_groups(context, name) != 1 {
            throw unknown(.groups, name)
        }
        guard
            configuration.groups.isEmpty
                || farebox_ssl_ctx_set_groups(context, configuration.groups.joined(separator: ":")) == 1
        else { throw ServerTLSMistake(.groups, "cannot be used together: \(TLSFailure.queuedReason())") }
    }

    private func unknown(_ part: ServerTLSMistake.Part, _ name: String) -> ServerTLSMistake {
        ERR_clear_error()
        return ServerTLSMistake(part, "has `\(name)`, which this OpenSSL does not know or does not allow")
    }

    private func askClients(_ context: OpaquePointer) throws(ServerTLSMistake) {
        guard configuration.clientCertificates != .none else { return }
        guard let file = configuration.clientAuthorityFile else {
            throw ServerTLSMistake(.clientAuthorityFile, "is missing: it names the authorities of client certificates")
        }
        guard SSL_CTX_load_verify_locations(context, file, nil) == 1, let list = SSL_load_client_CA_file(file) else {
            throw ServerTLSMistake(.clientAuthorityFile, ServerCertificate.unusable("certificate", file))
        }
        SSL_CTX_set_client_CA_list(context, list)
        let isRequired = configuration.clientCertificates == .required
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nil)
    }
}
