package import NIOCore

/// An IP address as one number; IPv4 in its mapped form.
///
/// On a socket for both families IPv4 clients come as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2): both spellings are the same value.
package struct IPAddress: Hashable, Sendable {
    /// The 128 bits in the order of the text.
    package let bits: UInt128

    package init(bits: UInt128) { self.bits = bits }

    package init(v4: UInt32) { bits = Self.mapped | UInt128(v4) }

    /// Nil for a unix-domain socket, and for no address.
    package init?(_ socket: SocketAddress?) {
        // The address stands 4 bytes into a `sockaddr_in` and 8 into a `sockaddr_in6` (RFC 3493 §3.3, §3.4).
        switch socket {
        case .v4(let address):
            self.init(
                v4: withUnsafeBytes(of: address.address) {
                    UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                })
        case .v6(let address):
            self.init(
                bits: withUnsafeBytes(of: address.address) {
                    UInt128(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt128.self))
                })
        case .unixDomainSocket, nil: return nil
        }
    }

    package var isIPv4: Bool { bits >> 32 == Self.mapped >> 32 }

    /// The IPv4 address; meaningful only if `isIPv4`.
    package var v4: UInt32 { UInt32(truncatingIfNeeded: bits) }

    /// The network that the address is in: the whole address for IPv4, `prefix` bits of it for IPv6.
    @inline(__always)
    package func network(ipv6Prefix prefix: Int) -> IPAddress {
        isIPv4 ? self : IPAddress(bits: bits & ~Self.hostMask(prefix))
    }

    /// The bits behind a prefix of so many.
    @inline(__always)
    static func hostMask(_ prefix: Int) -> UInt128 { prefix >= 128 ? 0 : UInt128.max >> UInt128(prefix) }

    private static let mapped: UInt128 = 0xFFFF_0000_0000
}
