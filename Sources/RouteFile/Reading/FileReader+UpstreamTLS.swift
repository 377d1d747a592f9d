import Transport

extension FileReader {
    /// The TLS of an upstream, as far as it has any.
    struct UpstreamTLSDraft {
        var made: UpstreamTLS?
    }

    /// `[upstreams.tls]`; nil after a mistake.
    ///
    /// The files are read here, so that a mistake in them is told like any other.
    func tls(_ upstream: Section, isSecure: Bool) -> UpstreamTLSDraft? {
        guard isSecure else {
            upstream.refuse(["tls"], "has no meaning without an https server")
            return UpstreamTLSDraft()
        }
        var section = Section(absent: "upstreams.tls", log: log)
        if upstream.has("tls") {
            guard let present = upstream.section("tls", table: "upstreams.tls") else { return nil }
            section = present
        }
        let authority = section.read("ca_file", ValueKind.text)
        guard let verifies = section.read("verify", ValueKind.bool) else { return nil }
        let trusted = verifies.value ? authority : nil
        var configuration = trusted.map { ClientTLSConfiguration.only($0.value) } ?? .systemTrust
        configuration.serverName = section.read("server_name", ValueKind.name)?.value
        let certificate = section.read("cert_file", ValueKind.text)
        let key = section.read("key_file", ValueKind.text)
        switch (certificate, key) {
        case (let certificate?, let key?):
            configuration.identity = .init(certificateFile: certificate.value, keyFile: key.value)
        case (nil, nil): break
        case (nil, _): log.add(section.place(of: "key_file"), "needs `cert_file` beside it")
        case (_, nil): log.add(section.place(of: "cert_file"), "needs `key_file` beside it")
        }
        configuration.verifiesServer = verifies.value
        if !verifies.value {
            section.refuse(["ca_file"], "has no meaning while `verify` is false")
            log.warn(verifies.place, "whoever stands between us and the server can pose as it")
        }
        do throws(TransportError) {
            return UpstreamTLSDraft(made: try UpstreamTLS(configuration))
        } catch {
            let detail = error.detail ?? error.message
            // The detail begins with the file that is to blame.
            let files = ["ca_file": authority, "cert_file": certificate, "key_file": key]
            let blamed = files.first { $0.value.map { detail.hasPrefix($0.value + ":") } ?? false }?.value
            log.add(blamed?.place ?? section.place, "cannot be used: \(detail)")
            return nil
        }
    }
}
