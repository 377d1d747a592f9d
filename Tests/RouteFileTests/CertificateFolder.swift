import Foundation

/// A folder with `api.pem` and `api.key`, made by the `openssl` command, and `other.key`.
final class CertificateFolder {
    private let folder: URL

    /// With a slash at its end.
    var path: String { folder.path + "/" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("farebox-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path + "api.key"]
        try openssl(["req", "-x509", "-subj", "/CN=api", "-days", "2", "-out", path + "api.pem"] + key)
        try openssl([
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path + "other.key",
        ])
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
