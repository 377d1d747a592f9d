/// What a finished TLS handshake settled between us and a client.
package struct TLSSummary: Sendable, Hashable {
    /// The version spoken.
    package enum Version: String, Sendable {
        case tls12 = "TLSv1.2"
        case tls13 = "TLSv1.3"
    }

    /// The certificate that a client showed; it led to an authority of the file.
    package struct ClientCertificate: Sendable, Hashable {
        /// The subject as RFC 2253 writes it, of bounded length.
        package var subject: String
        /// SHA-256 of the certificate in DER, in hexadecimal.
        package var fingerprint: String
    }

    package var version: Version
    /// The name that the client asked for, in lower case.
    package var serverName: String?
    /// What ALPN chose; nil where the client did not offer anything.
    package var spoken: ApplicationProtocol?
    /// Whether an earlier session was taken up again.
    package var isResumed = false
    package var client: ClientCertificate?
    /// The names of the certificate that was shown, where requests are kept to them.
    var strictNames: ServerNames?

    /// Whether the certificate is for a request's host, its port aside; always where names are not strict.
    package func covers(_ host: String) -> Bool {
        strictNames.map { $0.certificate(for: String(host.prefix { $0 != ":" })) != nil } ?? true
    }
}
