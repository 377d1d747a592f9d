/// A token bucket for each caller, in a bounded table; time is an argument.
///
/// A bucket is kept as the time at which it will be full again (GCRA, ITU-T I.371), so that a full one need not be kept.
/// Where the table is full of buckets that are not, newcomers share one: nothing is forgotten that still counts.
package struct RateLimiter: Sendable {
    /// How many calls a caller may make.
    package struct Policy: Hashable, Sendable {
        /// Calls a minute in the long run.
        package var perMinute: Int
        /// Calls at once after a rest.
        package var burst: Int
        /// What `perMinute` counts calls in, where it is another time.
        package private(set) var period: Duration = .seconds(60)

        package init(perMinute: Int = 600, burst: Int = 60) {
            precondition(perMinute > 0 && burst > 0, "a rate limit lets something through")
            self.perMinute = perMinute
            self.burst = burst
        }

        /// So many calls a day, at any time of it.
        package static func daily(_ calls: Int) -> Policy {
            var policy = Policy(perMinute: calls, burst: calls)
            policy.period = .seconds(86_400)
            return policy
        }
    }

    /// Who calls: a key, an address (IPv6 by /64), or nobody known.
    package enum Caller: Hashable, Sendable {
        case key(String)
        case ipv4(UInt32)
        case ipv6(prefix: UInt64)
        case unknown
    }

    /// What a caller may do.
    package enum Admission: Hashable, Sendable {
        case proceed
        case refused(retryAfter: Duration)
    }

    /// Callers kept apart.
    package static let maxCallers = 4096

    private var interval: Duration
    private var tolerance: Duration
    private let maxCallers: Int
    private var fullAgain: [Caller: Duration] = [:]
    private var newcomersFullAgain: Duration = .zero
    private var lastSweep: Duration?

    package init(policy: Policy, maxCallers: Int = RateLimiter.maxCallers) {
        interval = policy.period / policy.perMinute
        tolerance = interval * (policy.burst - 1)
        self.maxCallers = maxCallers
    }

    /// Takes another policy; what callers have used stays used.
    package mutating func adopt(_ policy: Policy) {
        interval = policy.period / policy.perMinute
        tolerance = interval * (policy.burst - 1)
    }

    /// Takes one token of the caller's bucket.
    package mutating func admit(_ caller: Caller, now: Duration) -> Admission {
        if let known = fullAgain[caller] {
            return take(from: known, now: now) { $0.fullAgain[caller] = $1 }
        }
        if fullAgain.count >= maxCallers { sweep(now: now) }
        guard fullAgain.count < maxCallers else {
            return take(from: newcomersFullAgain, now: now) { $0.newcomersFullAgain = $1 }
        }
        return take(from: now, now: now) { $0.fullAgain[caller] = $1 }
    }

    /// The callers in the table.
    package var callerCount: Int { fullAgain.count }

    private mutating func take(
        from fullAgain: Duration, now: Duration, store: (inout RateLimiter, Duration) -> Void
    ) -> Admission {
        let start = max(fullAgain, now)
        guard start - now <= tolerance else { return .refused(retryAfter: start - now - tolerance) }
        store(&self, start + interval)
        return .proceed
    }

    /// Forgets the buckets that are full; at most once in the time of one token, for it walks the whole table.
    private mutating func sweep(now: Duration) {
        if let lastSweep, now - lastSweep < interval { return }
        lastSweep = now
        fullAgain = fullAgain.filter { $0.value > now }
    }
}
