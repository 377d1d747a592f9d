import Transport

extension RateLimiter.Caller {
    /// The caller at an address; a mapped IPv4 address counts as the IPv4 address.
    init(_ address: IPAddress?) {
        guard let address else {
            self = .unknown
            return
        }
        self =
            address.isIPv4 ? .ipv4(address.v4) : .ipv6(prefix: UInt64(truncatingIfNeeded: address.bits >> 64))
    }
}
