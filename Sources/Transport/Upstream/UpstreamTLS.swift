#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// How the servers of an upstream are spoken to over TLS; made once for all event loops.
package final class UpstreamTLS: Sendable, CustomStringConvertible {
    package let configuration: ClientTLSConfiguration
    let context: TLSContext
    /// Every setting and what the files held, so that renewed files make connections of their own.
    package let description: String

    /// Reads the files; fails with `invalidConfiguration` where one cannot be used.
    package init(_ configuration: ClientTLSConfiguration) throws(TransportError) {
        self.configuration = configuration
        context = try TLSContext(client: configuration)
        let files = [
            configuration.authorityFile, configuration.identity?.certificateFile, configuration.identity?.keyFile,
        ]
        description = "\(configuration) \(files.map { $0.map(Self.fingerprint) ?? 0 })"
    }

    /// A hash of a file's bytes.
    private static func fingerprint(of path: String) -> UInt64 {
        guard let file = fopen(path, "r") else { return 0 }
        defer { fclose(file) }
        var hash = KeyHash()
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { hash.update(buffer[..<count]) }
        return hash.value
    }
}
