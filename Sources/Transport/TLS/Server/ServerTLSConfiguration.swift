/// What a TLS listener is made of.
package struct ServerTLSConfiguration: Hashable, Sendable {
    /// The files of one certificate.
    package struct Certificate: Hashable, Sendable {
        /// PEM: the certificate, then those between it and its authority.
        package var certificateFile: String
        /// PEM, without a password.
        package var keyFile: String
        /// DER: what the authority says of the certificate now, to be stapled.
        package var statusFile: String?

        package init(certificateFile: String, keyFile: String, statusFile: String? = nil) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.statusFile = statusFile
        }
    }

    /// Whether clients show certificates.
    package enum ClientCertificates: String, Hashable, Sendable, CaseIterable {
        case none
        /// One that is shown must be good.
        case optional
        case required
    }

    /// At least one; the first answers clients whose name meets none.
    package var certificates: [Certificate]
    package var minVersion = TLSSummary.Version.tls12
    package var clientCertificates = ClientCertificates.none
    /// A PEM file of the authorities of client certificates.
    package var clientAuthorityFile: String?
    /// Whether a client must name a host that a certificate is for.
    package var isNameStrict = false
    /// Whether clients get tickets to resume their sessions.
    package var givesTickets = true
    /// Names of cipher suites, of TLS 1.3 and before; empty for ours.
    package var ciphers: [String] = []
    /// Names of key exchange groups; empty for OpenSSL's.
    package var groups: [String] = []

    package init(certificates: [Certificate]) {
        self.certificates = certificates
    }

    /// Every file that is read, in order.
    package var files: [String] {
        certificates.flatMap { [$0.certificateFile, $0.keyFile] + ($0.statusFile.map { [$0] } ?? []) }
            + (clientAuthorityFile.map { [$0] } ?? [])
    }
}
