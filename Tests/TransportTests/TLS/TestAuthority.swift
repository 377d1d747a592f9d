import Foundation

@testable import Transport

/// An authority made by the `openssl` command, and what it issues, in a folder of their own.
final class TestAuthority: Sendable {
    let folder: URL

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("farebox-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try configure("authority", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        try await openssl(
            ["req", "-x509", "-config", path("authority.cnf"), "-days", "2", "-out", authority] + newKey("authority"))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var authority: String { path("authority.pem") }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Issues a certificate for DNS names, good for servers and clients.
    func issue(_ name: String, for names: [String] = [], days: Int = 2) async throws
        -> ServerTLSConfiguration.Certificate
    {
        let alternatives = names.isEmpty ? "" : "subjectAltName=" + names.map { "DNS:\($0)" }.joined(separator: ",")
        try configure(name, "extendedKeyUsage=serverAuth,clientAuth\n\(alternatives)\n")
        try await openssl(
            ["req", "-new", "-config", path("\(name).cnf"), "-out", path("\(name).csr")] + newKey(name))
        try await openssl([
            "x509", "-req", "-in", path("\(name).csr"), "-CA", authority, "-CAkey", path("authority.key"),
            "-set_serial", "\(Int.random(in: 1...Int(Int32.max)))", "-days", "\(days)", "-extfile", path("\(name).cnf"),
            "-extensions", "ext", "-out", path("\(name).pem"),
        ])
        return ServerTLSConfiguration.Certificate(certificateFile: path("\(name).pem"), keyFile: path("\(name).key"))
    }

    /// Writes what the authority says of a certificate.
    func status(of name: String) async throws -> String {
        let (certificate, response) = (path("\(name).pem"), path("\(name).ocsp"))
        let serial = try await output(["x509", "-in", certificate, "-noout", "-serial"]).dropFirst(7)
        let index = "V\t491231235959Z\t\t\(serial.trimmingCharacters(in: .newlines))\tunknown\t/CN=\(name)\n"
        try Data(index.utf8).write(to: folder.appendingPathComponent("index.txt"))
        try await openssl([
            "ocsp", "-issuer", authority, "-cert", certificate, "-reqout", path("request.der"), "-no_nonce",
        ])
        try await openssl([
            "ocsp", "-index", path("index.txt"), "-CA", authority, "-rsigner", authority, "-rkey",
            path("authority.key"), "-reqin", path("request.der"), "-respout", response, "-ndays", "1",
        ])
        return response
    }

    private func configure(_ name: String, _ extensions: String) throws {
        let text =
            "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=Test \(name)\n[ext]\n" + extensions
        try Data(text.utf8).write(to: folder.appendingPathComponent("\(name).cnf"))
    }

    private func newKey(_ name: String) -> [String] {
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path("\(name).key")]
    }

    func openssl(_ arguments: [String]) async throws {
        _ = try await output(arguments)
    }

    private func output(_ arguments: [String]) async throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        guard status == 0 else { throw TestCertificates.Failed(command: arguments[0], status: status) }
        return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
}
