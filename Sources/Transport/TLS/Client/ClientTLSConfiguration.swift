/// Whom outgoing TLS connections trust, and what they say of themselves.
///
/// Fixed is TLS 1.2 or later; the peer's chain and name are checked unless `verifiesServer` is taken back.
package struct ClientTLSConfiguration: Hashable, Sendable {
    /// A certificate with its key, for servers that ask for one.
    package struct Identity: Hashable, Sendable {
        /// PEM: the certificate, then those between it and its authority.
        package var certificateFile: String
        /// PEM, without a password.
        package var keyFile: String

        package init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// Whether the system's certificate authorities are trusted.
    package var trustsSystem: Bool
    /// A PEM file of further certificate authorities.
    package var authorityFile: String?
    /// Whether the server must prove who it is; false invites anyone between us and it.
    package var verifiesServer = true
    /// The name to ask for and to check instead of the host that is connected to.
    package var serverName: String?
    package var identity: Identity?
    /// What is offered by ALPN, the best first; empty for no offer.
    package var protocols: [ApplicationProtocol] = [.http1]
    /// Whether later connections to a server take up the session of earlier ones.
    package var resumesSessions = true

    package init(trustsSystem: Bool, authorityFile: String? = nil) {
        self.trustsSystem = trustsSystem
        self.authorityFile = authorityFile
    }

    /// Trusts the system's certificate authorities.
    package static let systemTrust = ClientTLSConfiguration(trustsSystem: true)

    /// Trusts the system's certificate authorities and those of a PEM file.
    package static func systemTrust(adding authorityFile: String) -> ClientTLSConfiguration {
        ClientTLSConfiguration(trustsSystem: true, authorityFile: authorityFile)
    }

    /// Trusts only the certificate authorities of a PEM file.
    package static func only(_ authorityFile: String) -> ClientTLSConfiguration {
        ClientTLSConfiguration(trustsSystem: false, authorityFile: authorityFile)
    }
}
