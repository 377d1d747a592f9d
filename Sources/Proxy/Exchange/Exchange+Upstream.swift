import NIOCore
import Transport

/// The choice of a server, and the case that there is none.
extension Exchange {
    /// Whether no server of the route's upstream is known to work, so that nothing may be sold for it.
    func isUpstreamDown(_ route: PaywallRoute) -> Bool {
        !loop.upstream(route.upstream, of: generation).isAvailable(mayTest: false)
    }

    /// 503 before a payment is read, and instead of a price for what cannot be served.
    func answerUpstreamDown(_ route: PaywallRoute) {
        loop.counters.upstreamsDown += 1
        answer(.upstreamDown(retryAfter: loop.upstream(route.upstream, of: generation).retryAfter))
    }

    /// The same with a payment that is good and not claimed yet.
    func upstreamDownBeforeClaim(_ route: PaywallRoute) {
        switch machine.verifyFailed() {
        case .answerUnavailable: answerUpstreamDown(route)
        case .drop: log()
        case .unreachable: unreachable("upstream down")
        }
    }

    /// The hash of what a request's server depends on.
    func balanceKey(_ source: BalancePolicy.HashSource) -> UInt64 {
        var hash = KeyHash()
        switch source {
        case .client:
            loop.scratch.clear()
            ClientAddress(client.address).write(to: &loop.scratch)
            hash.update(loop.scratch.readableBytesView)
        case .path:
            withForwardedTarget { target in hash.update(target.prefix { $0 != UInt8(ascii: "?") }) }
        case .header(let name):
            let head = stream.head
            head.withBytes { bytes in
                for field in head.fields where Self.isNamed(name, bytes[field.name]) {
                    hash.update(bytes[field.value])
                    // The end of a value, so that "ab" is not the same as "a" and "b".
                    hash.update(CollectionOfOne(UInt8(ascii: "\n")))
                }
            }
        }
        return hash.value
    }

    /// Compares a field name with one in lower case.
    private static func isNamed(_ name: String, _ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard name.utf8.count == bytes.count else { return false }
        return zip(name.utf8, bytes).allSatisfy { $0 == $1 || ($1 &- UInt8(ascii: "A") < 26 && $0 == $1 | 0x20) }
    }
}
