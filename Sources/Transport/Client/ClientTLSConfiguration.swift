/// Whom outgoing TLS connections trust.
///
/// Everything else is fixed: TLS 1.2 or later, the peer's chain and name always checked.
package struct ClientTLSConfiguration: Hashable, Sendable {
    /// Whether the system's certificate authorities are trusted.
    package var trustsSystem: Bool
    /// A PEM file of further certificate authorities.
    package var authorityFile: String?

    /// Trusts the system's certificate authorities.
    package static let systemTrust = ClientTLSConfiguration(trustsSystem: true, authorityFile: nil)

    /// Trusts the system's certificate authorities and those of a PEM file.
    package static func systemTrust(adding authorityFile: String) -> ClientTLSConfiguration {
        ClientTLSConfiguration(trustsSystem: true, authorityFile: authorityFile)
    }

    /// Trusts only the certificate authorities of a PEM file.
    package static func only(_ authorityFile: String) -> ClientTLSConfiguration {
        ClientTLSConfiguration(trustsSystem: false, authorityFile: authorityFile)
    }
}
