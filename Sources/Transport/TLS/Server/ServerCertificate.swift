import COpenSSL

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// One certificate in use: an `SSL_CTX` of its own, the names that it is for, and its stapled status.
///
/// Unchecked: nothing changes it once it is loaded.
final class ServerCertificate: @unchecked Sendable {
    let context: OpaquePointer
    let names: [String]
    /// The same, to be asked for one.
    let ownNames: ServerNames
    let status: StapledStatus?
    let validity: Validity

    enum Validity {
        case valid, expired, notYet
    }

    private init(context: OpaquePointer, names: [String], status: StapledStatus?, validity: Validity) {
        self.context = context
        self.names = names
        var ownNames = ServerNames()
        for name in names { ownNames.add(name, of: 0) }
        self.ownNames = ownNames
        self.status = status
        self.validity = validity
    }

    deinit { SSL_CTX_free(context) }

    /// Loads the files of one certificate; what is out of date at `now` is loaded too.
    static func load(
        _ files: ServerTLSConfiguration.Certificate, index: Int, now: time_t
    ) throws(ServerTLSMistake) -> ServerCertificate {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_server_method()), TLSPolicy.apply(to: context) else {
            throw ServerTLSMistake(.library, TLSFailure.queuedReason())
        }
        do throws(ServerTLSMistake) {
            try loadChain(files.certificateFile, index, into: context)
            try loadKey(files.keyFile, index, into: context)
            guard let leaf = SSL_CTX_get0_certificate(context) else {
                throw ServerTLSMistake(.certificateFile(index), "has no certificate")
            }
            let status = try files.statusFile.map { file throws(ServerTLSMistake) in
                try loadStatus(file, index, about: leaf, now)
            }
            return ServerCertificate(
                context: context, names: dnsNames(of: leaf), status: status, validity: validity(of: leaf, now))
        } catch {
            SSL_CTX_free(context)
            throw error
        }
    }

    private static func loadChain(
        _ file: String, _ index: Int, into context: OpaquePointer
    ) throws(ServerTLSMistake) {
        guard SSL_CTX_use_certificate_chain_file(context, file) == 1 else {
            throw ServerTLSMistake(.certificateFile(index), unusable("certificate", file))
        }
    }

    private static func loadKey(_ file: String, _ index: Int, into context: OpaquePointer) throws(ServerTLSMistake) {
        var asksPassword = false
        let isLoaded = withUnsafeMutablePointer(to: &asksPassword) { asked in
            TLSPolicy.refusePasswords(context, asked: asked)
            defer { SSL_CTX_set_default_passwd_cb_userdata(context, nil) }
            return SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) == 1
        }
        if asksPassword {
            ERR_clear_error()
            throw ServerTLSMistake(
                .keyFile(index),
                "\(file) is protected by a password, which nobody can be asked for; write it without one")
        }
        guard isLoaded else {
            let code = ERR_peek_last_error()
            if ERR_GET_LIB(code) == ERR_LIB_X509, ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH {
                ERR_clear_error()
                throw ServerTLSMistake(.keyFile(index), "\(file) is not the key of the certificate")
            }
            throw ServerTLSMistake(.keyFile(index), unusable("key", file))
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            ERR_clear_error()
            throw ServerTLSMistake(.keyFile(index), "\(file) is not the key of the certificate")
        }
    }

    private static func loadStatus(
        _ file: String, _ index: Int, about leaf: OpaquePointer, _ now: time_t
    ) throws(ServerTLSMistake) -> StapledStatus {
        do throws(StapledStatus.Failure) {
            return try StapledStatus(file: file, about: leaf, now: now)
        } catch {
            ERR_clear_error()
            let reason =
                switch error {
                case .unreadable(let reason): "\(file) cannot be read: \(reason)"
                case .notAResponse: "\(file) is not an OCSP response in DER"
                case .unsuccessful: "\(file) is a response in which the authority says nothing of the certificate"
                case .otherCertificate: "\(file) is about another certificate"
                }
            throw ServerTLSMistake(.statusFile(index), reason)
        }
    }

    /// Why OpenSSL took nothing from a file; empties its queue.
    static func unusable(_ kind: String, _ file: String) -> String {
        // The first error is the most telling one for a file that cannot be opened, the last one for its content.
        let first = ERR_peek_error()
        if ERR_GET_LIB(first) == ERR_LIB_SYS { return "\(file) cannot be read: \(TLSFailure.queuedReason())" }
        let last = ERR_peek_last_error()
        ERR_clear_error()
        let isEmpty = ERR_GET_LIB(last) == ERR_LIB_X509 && ERR_GET_REASON(last) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND
        if isEmpty || ERR_GET_LIB(last) == ERR_LIB_PEM || ERR_GET_LIB(first) == ERR_LIB_PEM {
            return "\(file) holds no \(kind) in PEM"
        }
        let reason = ERR_reason_error_string(last).map { String(cString: $0) } ?? "no reason given"
        return "\(file) holds no usable \(kind): \(reason)"
    }

    private static func dnsNames(of leaf: OpaquePointer) -> [String] {
        var names: [String] = []
        withUnsafeMutablePointer(to: &names) { names in
            farebox_x509_each_name(leaf, names) { names, name, count in
                guard let name, count > 0 else { return }
                let text = String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
                names?.assumingMemoryBound(to: [String].self).pointee.append(text)
            }
        }
        return names
    }

    private static func validity(of leaf: OpaquePointer, _ now: time_t) -> Validity {
        var now = now
        if X509_cmp_time(X509_get0_notAfter(leaf), &now) < 0 { return .expired }
        return X509_cmp_time(X509_get0_notBefore(leaf), &now) > 0 ? .notYet : .valid
    }
}
