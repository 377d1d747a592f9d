import Transport

/// `[limits]`: how much one client, and one payer, may have of the whole paywall.
package struct RequestLimits: Hashable, Sendable {
    /// Requests of one client.
    package var client: Rate?
    /// Verified payments of one payer.
    package var payer: Rate?
    /// 402s that one client is given.
    package var challenges: Rate?
    /// Paid requests of one payer at the same time; nil for no limit.
    package var maxConcurrentPerPayer: Int?
    /// Bits of an IPv6 address that make a client.
    package var clientPrefix = 64

    package init() {}
}

/// What one route adds.
package struct RouteLimits: Hashable, Sendable {
    /// Requests of all clients together.
    package var all: Rate?
    /// Requests of one client.
    package var client: Rate?
    /// Verified payments of one payer.
    package var payer: Rate?
    /// Requests that run at the same time; nil for no limit.
    package var concurrency: ConcurrencyTerms?

    package init() {}

    package static let none = RouteLimits()
}

/// How many requests of a route run at once, and how many more wait.
package struct ConcurrencyTerms: Hashable, Sendable {
    package var maxConcurrent: Int
    package var maxQueued: Int
    package var queueTimeout: Duration

    package init(maxConcurrent: Int, maxQueued: Int, queueTimeout: Duration) {
        self.maxConcurrent = maxConcurrent
        self.maxQueued = maxQueued
        self.queueTimeout = queueTimeout
    }
}

/// What a bucket counts, hashed with a key of this process into the number that a table knows it by.
enum BucketKey {
    enum Subject: UInt8 {
        case client, payer, challenges
        case route, routeClient, routePayer
    }

    static func make(_ subject: Subject, route: String = "") -> UInt64 {
        finish(start(subject, route))
    }

    @inline(__always)
    static func make(_ subject: Subject, route: String = "", _ client: IPAddress?, prefix: Int) -> UInt64 {
        var hasher = start(subject, route)
        // Clients of a unix socket are nobody in particular, together.
        hasher.combine(client.map { $0.network(ipv6Prefix: prefix).bits } ?? 0)
        return finish(hasher)
    }

    static func make(_ subject: Subject, route: String = "", payer: String) -> UInt64 {
        var hasher = start(subject, route)
        var payer = payer
        payer.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return finish(hasher)
    }

    /// `Hasher` is SipHash under a random key of the process.
    @inline(__always)
    private static func start(_ subject: Subject, _ route: String) -> Hasher {
        var hasher = Hasher()
        hasher.combine(subject.rawValue)
        if !route.isEmpty {
            var route = route
            route.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
        return hasher
    }

    @inline(__always)
    private static func finish(_ hasher: consuming Hasher) -> UInt64 { UInt64(bitPattern: Int64(hasher.finalize())) }
}
