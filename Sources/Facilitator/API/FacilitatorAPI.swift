package import Logging
package import NIOCore
import Synchronization
package import Transport

/// The facilitator's HTTP endpoints, to be served on a listener of its own.
///
/// `/verify` and `/settle` ask for a key where there are keys; `/settle` is limited in rate; `/supported` and `/health` are
/// open. Every verdict is status 200; what is no verdict is a 4xx or 503 with an error and the request's id.
package final class FacilitatorAPI: Sendable {
    /// The most bytes of a request's body.
    package static let maxBodyBytes = 64 * 1024

    let service: FacilitatorService
    let logger: Logger
    let clock: RailClock
    private let keys: Mutex<APIKeys?>
    private let limiter: Mutex<RateLimiter?>
    /// What each caller may settle in a day.
    private let budget: Mutex<RateLimiter?>
    /// Whose word about callers is taken.
    private let trust: Mutex<ProxyTrust>

    /// Open to everybody without keys, and without a limit where `rateLimit` or `dailyBudget` is nil.
    package init(
        service: FacilitatorService, keys: APIKeys? = nil, rateLimit: RateLimiter.Policy? = nil,
        dailyBudget: Int? = nil, trust: ProxyTrust = ProxyTrust(), logger: Logger, clock: RailClock = .system
    ) {
        self.service = service
        self.keys = Mutex(keys)
        limiter = Mutex(rateLimit.map { RateLimiter(policy: $0) })
        budget = Mutex(dailyBudget.map { RateLimiter(policy: .daily($0)) })
        self.trust = Mutex(trust)
        self.logger = logger
        self.clock = clock
    }

    /// Takes the keys and limits of a new file; what callers have used of their limits stays used.
    package func reload(
        keys: APIKeys?, rateLimit: RateLimiter.Policy?, dailyBudget: Int?, trust: ProxyTrust = ProxyTrust()
    ) {
        self.trust.withLock { $0 = trust }
        self.keys.withLock { $0 = keys }
        limiter.withLock { Self.adopt(rateLimit, in: &$0) }
        budget.withLock { Self.adopt(dailyBudget.map { .daily($0) }, in: &$0) }
    }

    private static func adopt(_ policy: RateLimiter.Policy?, in limiter: inout RateLimiter?) {
        guard let policy else { return limiter = nil }
        if limiter == nil { limiter = RateLimiter(policy: policy) } else { limiter?.adopt(policy) }
    }

    /// The delegate for a listener's event loop.
    package func delegate(on eventLoop: any EventLoop) -> any RequestDelegate {
        FacilitatorDelegate(self)
    }

    /// Limits for the listener, with the bound of bodies.
    package static var serverLimits: ServerLimits {
        var limits = ServerLimits()
        limits.maxBodyBytes = UInt64(maxBodyBytes)
        return limits
    }

    /// The id of the key that was presented; nil where one is needed and none is right.
    func keyID(presenting key: String?) -> String? {
        keys.withLock { keys in
            guard let keys else { return SellerCall.anonymousID }
            return key.flatMap { keys.id(of: $0) }
        }
    }

    /// Where a call comes from: the peer's address, or the one that trusted proxies name.
    func clientAddress(of head: RequestHead, peer: DownstreamPeer) -> IPAddress? {
        trust.withLock { $0 }.identify(head, peer: peer).address
    }

    /// Takes one of the caller's tokens; the wait in whole seconds where there is none.
    func secondsToWait(_ caller: RateLimiter.Caller) -> Int? {
        let now = clock.now()
        for limit in [
            limiter.withLock({ $0?.admit(caller, now: now) }), budget.withLock({ $0?.admit(caller, now: now) }),
        ] {
            if case .refused(let retryAfter)? = limit { return Int(retryAfter.components.seconds) + 1 }
        }
        return nil
    }

    /// What to say at start when whoever reaches the listener may settle; nil where there is nothing to say.
    package static func exposureWarning(addresses: [ListenAddress], hasKeys: Bool, isPayToLimited: Bool) -> String? {
        if hasKeys { return nil }
        let open = addresses.filter { !$0.isLocal }.map(\.description)
        guard !open.isEmpty else { return nil }
        let recipients = isPayToLimited ? "the allowed recipients" : "any recipient"
        return
            "FACILITATOR OPEN TO THE WORLD at \(open.joined(separator: ", ")): without api_keys_env, whoever reaches it "
            + "can settle to \(recipients). Set api_keys_env, or listen on 127.0.0.1."
    }
}

extension ListenAddress {
    /// Whether only this machine reaches the address.
    fileprivate var isLocal: Bool {
        switch self {
        case .unix: true
        case .passed: false
        case .host(let host, _): host == "localhost" || host == "::1" || host.hasPrefix("127.")
        }
    }
}
