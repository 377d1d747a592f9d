import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Opens the sockets of an address, or takes those that the process was started with.
struct SocketOpener {
    /// Sockets of an address that this process binds itself, where the system balances between them.
    let count: Int
    let inherited: InheritedSockets
    let beside: [ListeningSocket]

    func open(_ address: ListenAddress) throws -> [ListeningSocket] {
        switch address {
        case .passed(let name):
            let passed = inherited.sockets(named: name)
            guard !passed.isEmpty else {
                throw IOError(errnoCode: ENOENT, reason: "no such socket was passed to the process (LISTEN_FDS)")
            }
            return try passed.map { try $0.duplicate() }
        case .unix(let path):
            if let kept = inherited.takeOver(address) { return kept }
            let place = try SocketAddress(unixDomainSocketPath: path)
            try Self.removeAbandoned(path, place)
            return [try ListeningSocket.open(place, sharesPort: false)]
        case .host(let host, let port):
            if let kept = inherited.takeOver(address) { return kept }
            return try open(SocketAddress.makeAddressResolvingHost(host, port: port))
        }
    }

    private func open(_ address: SocketAddress) throws -> [ListeningSocket] {
        #if os(Linux)
            // Sockets that share a port would join whoever has it silently; one that does not share finds out. Our own
            // may have it already, at another address.
            if !beside.contains(where: { $0.localAddress.port == address.port }) || address.port == 0 {
                try ListeningSocket.ensureFree(address)
            }
            let first = try ListeningSocket.open(address, sharesPort: true)
            return try [first]
                + (1..<max(1, count)).map { _ in
                    try ListeningSocket.open(first.localAddress, sharesPort: true)
                }
        #else
            return [try ListeningSocket.open(address, sharesPort: false)]
        #endif
    }

    /// Removes the path of a socket that nobody listens at any more.
    private static func removeAbandoned(_ path: String, _ address: SocketAddress) throws {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        #if canImport(Glibc) || canImport(Musl)
            let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        #else
            let probe = socket(AF_UNIX, SOCK_STREAM, 0)
        #endif
        guard probe >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        defer { close(probe) }
        if address.withSockAddr({ connect(probe, $0, socklen_t($1)) }) == 0 {
            throw IOError(errnoCode: EADDRINUSE, reason: "bind")
        }
        unlink(path)
    }
}
