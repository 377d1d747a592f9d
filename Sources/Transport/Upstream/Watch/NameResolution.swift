import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Asks the system for the addresses of a name.
enum NameResolution {
    /// The addresses in the system's order of preference (RFC 6724); empty when the name has none, or nobody could tell.
    ///
    /// The system's call blocks, so it runs on a thread of its own.
    static func addresses(of host: String, port: Int) async -> [SocketAddress] {
        let found = try? await NIOThreadPool.singleton.runIfActive { resolve(host, port: port) }
        return found ?? []
    }

    /// As the system says; blocks.
    static func resolve(_ host: String, port: Int) -> [SocketAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
            hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        hints.ai_protocol = CInt(IPPROTO_TCP)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next {
            next = info.pointee.ai_next
            guard let raw = UnsafeRawPointer(info.pointee.ai_addr) else { continue }
            switch info.pointee.ai_family {
            case AF_INET:
                addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in.self)))
            case AF_INET6:
                addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self)))
            default: continue
            }
        }
        return addresses
    }
}
