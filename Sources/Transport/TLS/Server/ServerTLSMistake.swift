/// What is wrong with the configuration of a TLS listener.
package struct ServerTLSMistake: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Part: Hashable, Sendable {
        /// Of the certificate with this index.
        case certificateFile(Int), keyFile(Int), statusFile(Int)
        case clientAuthorityFile
        case ciphers, groups
        /// OpenSSL itself cannot go on.
        case library
    }

    package let part: Part
    /// What it is and what to do, without the file's content.
    package let reason: String

    package init(_ part: Part, _ reason: String) {
        self.part = part
        self.reason = reason
    }

    package var description: String {
        switch part {
        case .certificateFile(let index): "certificates[\(index)].cert_file \(reason)"
        case .keyFile(let index): "certificates[\(index)].key_file \(reason)"
        case .statusFile(let index): "certificates[\(index)].ocsp_file \(reason)"
        case .clientAuthorityFile: "client_ca_file \(reason)"
        case .ciphers: "ciphers \(reason)"
        case .groups: "groups \(reason)"
        case .library: reason
        }
    }
}
