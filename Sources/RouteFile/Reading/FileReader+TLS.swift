import Transport

extension FileReader {
    /// `[server.tls]`; the files that it names are read.
    func tls(_ section: Section) -> TLSSettings? {
        let listen = listenAddresses(section)
        let elements = section.sections("certificates", table: "server.tls.certificates")
        if elements.isEmpty, !log.hasMistake(under: section.place(of: "certificates")) {
            log.add(section.place(of: "certificates"), "is missing: name at least one certificate and its key")
        }
        let certificates = elements.map(certificate)
        let minVersion = section.read(
            "min_version", ValueKind.word([("1.2", TLSSummary.Version.tls12), ("1.3", .tls13)]))
        let clients = section.read(
            "client_auth",
            ValueKind.word(ServerTLSConfiguration.ClientCertificates.allCases.map { ($0.rawValue, $0) }))
        let authority = section.read("client_ca_file", ValueKind.text)
        let isStrict = section.read("strict_sni", ValueKind.bool)
        let tickets = section.read("tickets", ValueKind.bool)
        let ciphers = section.list("ciphers", ValueKind.name)
        let groups = section.list("groups", ValueKind.name)
        if clients?.value == ServerTLSConfiguration.ClientCertificates.none {
            section.refuse(["client_ca_file"], "has no meaning while `client_auth` is \"none\"")
        }
        guard let listen, let minVersion, let clients, let isStrict, let tickets, let ciphers, let groups,
            !certificates.isEmpty, !certificates.contains(where: { $0 == nil })
        else { return nil }
        var configuration = ServerTLSConfiguration(certificates: certificates.compactMap(\.self))
        configuration.minVersion = minVersion.value
        configuration.clientCertificates = clients.value
        configuration.clientAuthorityFile = authority?.value
        configuration.isNameStrict = isStrict.value
        configuration.givesTickets = tickets.value
        configuration.ciphers = ciphers.map(\.value)
        configuration.groups = groups.map(\.value)
        let checked = ServerTLS.check(configuration)
        for mistake in checked.mistakes { log.add(place(of: mistake.part, section, elements), mistake.reason) }
        for warning in checked.warnings { log.warn(place(of: warning.part, section, elements), warning.reason) }
        return checked.mistakes.isEmpty ? TLSSettings(listen: listen, configuration: configuration) : nil
    }

    private func certificate(_ section: Section) -> ServerTLSConfiguration.Certificate? {
        let certificate = section.require("cert_file", ValueKind.text)
        let key = section.require("key_file", ValueKind.text)
        let status = section.read("ocsp_file", ValueKind.text)
        guard let certificate, let key else { return nil }
        return ServerTLSConfiguration.Certificate(
            certificateFile: certificate.value, keyFile: key.value, statusFile: status?.value)
    }

    private func place(of part: ServerTLSMistake.Part, _ tls: Section, _ certificates: [Section]) -> Place {
        switch part {
        case .certificateFile(let index): certificates[index].place(of: "cert_file")
        case .keyFile(let index): certificates[index].place(of: "key_file")
        case .statusFile(let index): certificates[index].place(of: "ocsp_file")
        case .clientAuthorityFile: tls.place(of: "client_ca_file")
        case .ciphers: tls.place(of: "ciphers")
        case .groups: tls.place(of: "groups")
        case .library: tls.place
        }
    }
}
