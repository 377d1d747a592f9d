import Foundation

/// Certificates made by the `openssl` command in a folder of their own.
struct TestCertificates {
    /// What is right or wrong with a server's certificate.
    enum Kind: Sendable {
        /// For the name "localhost", issued by the test's authority.
        case good
        case expired
        /// For another name.
        case wrongName
        /// From an authority that nobody trusts.
        case unknownIssuer
        case selfSigned
        /// For the address 127.0.0.1.
        case address
        /// Names its host only in the subject, not in the alternative names.
        case commonNameOnly

        fileprivate var names: String? {
            switch self {
            case .good, .expired, .unknownIssuer, .selfSigned: "subjectAltName=DNS:localhost"
            case .wrongName: "subjectAltName=DNS:other.example"
            case .address: "subjectAltName=IP:127.0.0.1"
            case .commonNameOnly: nil
            }
        }
    }

    let folder: URL

    /// The file of the authority that issues all but the wrong ones.
    var authority: String { path("authority.pem") }
    var certificate: String { path("server.pem") }
    var key: String { path("server.key") }

    init(_ kind: Kind) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("farebox-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        do {
            try await makeAuthority("authority")
            try await makeServer(kind)
        } catch {
            remove()
            throw error
        }
    }

    func remove() {
        try? FileManager.default.removeItem(at: folder)
    }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func makeAuthority(_ name: String) async throws {
        try write(
            "\(name).cnf",
            """
            [req]
            distinguished_name=dn
            x509_extensions=ext
            prompt=no
            [dn]
            CN=Test \(name)
            [ext]
            basicConstraints=critical,CA:TRUE
            keyUsage=critical,keyCertSign
            subjectKeyIdentifier=hash
            """)
        try await openssl(
            ["req", "-x509", "-config", path("\(name).cnf"), "-days", "2", "-out", path("\(name).pem")] + newKey(name))
    }

    private func makeServer(_ kind: Kind) async throws {
        try write(
            "server.cnf",
            """
            [req]
            distinguished_name=dn
            x509_extensions=ext
            prompt=no
            [dn]
            CN=localhost
            [ext]
            basicConstraints=CA:FALSE
            extendedKeyUsage=serverAuth
            \(kind.names ?? "")
            """)
        if kind == .selfSigned {
            let request = ["req", "-x509", "-config", path("server.cnf"), "-days", "2", "-out", certificate]
            return try await openssl(request + newKey("server"))
        }
        let issuer = kind == .unknownIssuer ? "stranger" : "authority"
        if kind == .unknownIssuer { try await makeAuthority(issuer) }
        try await openssl(
            ["req", "-new", "-config", path("server.cnf"), "-out", path("server.csr")] + newKey("server"))
        try await openssl([
            "x509", "-req", "-in", path("server.csr"), "-CA", path("\(issuer).pem"), "-CAkey", path("\(issuer).key"),
            "-set_serial", "1", "-days", kind == .expired ? "-1" : "2", "-extfile", path("server.cnf"), "-extensions",
            "ext", "-out", certificate,
        ])
    }

    private func newKey(_ name: String) -> [String] {
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path("\(name).key")]
    }

    private func write(_ name: String, _ text: String) throws {
        try Data((text + "\n").utf8).write(to: folder.appendingPathComponent(name))
    }

    private func openssl(_ arguments: [String]) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        guard status == 0 else { throw Failed(command: arguments[0], status: status) }
    }

    struct Failed: Error {
        let command: String
        let status: Int32
    }
}
