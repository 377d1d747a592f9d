import Foundation
import NIOPosix

@testable import Transport

/// A TLS server in a process of its own, which ends with its standard input.
struct TLSTestServer {
    let port: Int
    private let process: Process
    private let input: Pipe
    private let ended: AsyncStream<Void>

    /// Starts the server; `maxVersion` is a name of Python's `ssl.TLSVersion`.
    init(_ certificates: TestCertificates, maxVersion: String = "") async throws {
        guard let script = Bundle.module.path(forResource: "tls-server", ofType: "py", inDirectory: "Resources") else {
            throw Failed.noScript
        }
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script, certificates.certificate, certificates.key, maxVersion]
        process.standardInput = input
        process.standardOutput = output
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in end.finish() }
        try process.run()
        (self.process, self.input, self.ended) = (process, input, ended)
        port = await TLSTestServer.readPort(output.fileHandleForReading)
        guard port > 0 else {
            await stop()
            throw Failed.noPort
        }
    }

    func url(_ path: String, host: String = "localhost") -> OutgoingURL? {
        OutgoingURL("https://\(host):\(port)\(path)")
    }

    func stop() async {
        try? input.fileHandleForWriting.close()
        for await _ in ended {}
    }

    private static func readPort(_ output: FileHandle) async -> Int {
        let (lines, line) = AsyncStream.makeStream(of: Data.self)
        output.readabilityHandler = { line.yield($0.availableData) }
        defer { output.readabilityHandler = nil }
        var text = Data()
        for await piece in lines {
            text += piece
            if piece.isEmpty || piece.last == UInt8(ascii: "\n") { break }
        }
        return Int(String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    enum Failed: Error { case noScript, noPort }
}

/// Runs a test against a TLS server, and ends the server and removes its files.
func withTLSServer(
    _ kind: TestCertificates.Kind, maxVersion: String = "",
    _ test: (TLSTestServer, TestCertificates) async throws -> Void
) async throws {
    let certificates = try await TestCertificates(kind)
    defer { certificates.remove() }
    let server = try await TLSTestServer(certificates, maxVersion: maxVersion)
    do {
        try await test(server, certificates)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

/// Runs a test with a client of its own, and ends it.
func withClient(
    _ tls: ClientTLSConfiguration, limits: OutgoingLimits = OutgoingLimits(),
    _ test: (OutgoingClient) async throws -> Void
) async throws {
    let client = try OutgoingClient(group: MultiThreadedEventLoopGroup.singleton, tls: tls, limits: limits)
    do {
        try await test(client)
    } catch {
        await client.shutdown()
        throw error
    }
    await client.shutdown()
}
