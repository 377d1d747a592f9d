import NIOCore
import Testing
import Transport

@testable import Facilitator

struct RateLimiterTests {
    private let policy = RateLimiter.Policy(perMinute: 60, burst: 3)

    @Test("a burst goes through, then one call a second; the wait is told")
    func bucket() {
        var limiter = RateLimiter(policy: policy)
        for _ in 0..<3 { #expect(limiter.admit(.key("a"), now: .seconds(100)) == .proceed) }
        #expect(limiter.admit(.key("a"), now: .seconds(100)) == .refused(retryAfter: .seconds(1)))
        #expect(limiter.admit(.key("a"), now: .milliseconds(100_400)) == .refused(retryAfter: .milliseconds(600)))
        #expect(limiter.admit(.key("a"), now: .seconds(101)) == .proceed)
        #expect(limiter.admit(.key("a"), now: .seconds(101)) == .refused(retryAfter: .seconds(1)))
        // A refusal takes no token, and a rest fills the bucket up to its burst and no further.
        for _ in 0..<3 { #expect(limiter.admit(.key("a"), now: .seconds(1000)) == .proceed) }
        #expect(limiter.admit(.key("a"), now: .seconds(1000)) == .refused(retryAfter: .seconds(1)))
    }

    @Test("callers do not share a bucket")
    func callers() {
        var limiter = RateLimiter(policy: RateLimiter.Policy(perMinute: 60, burst: 1))
        #expect(limiter.admit(.key("a"), now: .zero) == .proceed)
        #expect(limiter.admit(.key("b"), now: .zero) == .proceed)
        #expect(limiter.admit(.ipv4(1), now: .zero) == .proceed)
        #expect(limiter.admit(.ipv6(prefix: 1), now: .zero) == .proceed)
        #expect(limiter.admit(.ipv4(1), now: .zero) == .refused(retryAfter: .seconds(1)))
    }

    @Test("a full table forgets full buckets only, and newcomers share one until there is room")
    func bounded() {
        var limiter = RateLimiter(policy: RateLimiter.Policy(perMinute: 60, burst: 2), maxCallers: 2)
        for _ in 0..<2 {
            #expect(limiter.admit(.key("a"), now: .zero) == .proceed)
            #expect(limiter.admit(.key("b"), now: .zero) == .proceed)
        }
        // Both buckets are empty: c, d and e draw from one.
        #expect(limiter.admit(.key("c"), now: .zero) == .proceed)
        #expect(limiter.admit(.key("d"), now: .zero) == .proceed)
        #expect(limiter.admit(.key("e"), now: .zero) == .refused(retryAfter: .seconds(1)))
        #expect(limiter.admit(.key("a"), now: .zero) == .refused(retryAfter: .seconds(1)))
        #expect(limiter.callerCount == 2)
        // Two seconds later a and b are full again and make room.
        #expect(limiter.admit(.key("c"), now: .seconds(2)) == .proceed)
        #expect(limiter.callerCount == 1)
    }

    @Test(
        "addresses count by host for IPv4 and by /64 for IPv6",
        arguments: [
            ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true), ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true), ("::ffff:10.0.0.1", "::ffff:10.0.0.2", false),
        ])
    func addresses(first: String, second: String, isSame: Bool) throws {
        let callers = try [first, second].map { text in
            RateLimiter.Caller(IPAddress(try SocketAddress(ipAddress: text, port: 1)))
        }
        #expect((callers[0] == callers[1]) == isSame)
    }

    @Test("a daily budget may be spent at once, and comes back over the day")
    func daily() {
        var limiter = RateLimiter(policy: .daily(3))
        let caller = RateLimiter.Caller.key("shop")
        for _ in 0..<3 { #expect(limiter.admit(caller, now: .seconds(5)) == .proceed) }
        #expect(limiter.admit(caller, now: .seconds(5)) == .refused(retryAfter: .seconds(28_800)))
        #expect(limiter.admit(caller, now: .seconds(5 + 28_799)) != .proceed)
        #expect(limiter.admit(caller, now: .seconds(5 + 28_800)) == .proceed)
    }
}
