import NIOCore

extension RateLimiter.Caller {
    /// The caller behind a socket address; a mapped IPv4 address counts as the IPv4 address.
    init(_ address: SocketAddress?) {
        // The address stands 4 bytes into a `sockaddr_in` and 8 into a `sockaddr_in6` (RFC 3493 §3.3, §3.4).
        switch address {
        case .v4(let address):
            self = withUnsafeBytes(of: address.address) {
                .ipv4($0.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            }
        case .v6(let address):
            self = withUnsafeBytes(of: address.address) { bytes in
                let isMapped = bytes[8..<18].allSatisfy { $0 == 0 } && bytes[18] == 0xFF && bytes[19] == 0xFF
                return isMapped
                    ? .ipv4(bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
                    : .ipv6(prefix: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
        case .unixDomainSocket, nil: self = .unknown
        }
    }
}
