package import NIOCore

/// When a server is left alone.
package struct BreakerPolicy: Sendable, Hashable {
    /// Failures in a row after which a server is left alone.
    package var maxFailures = 3
    /// How long it is left alone the first time; each further time twice as long, up to 16 times.
    package var failTimeout = TimeAmount.seconds(2)
    /// Statuses that count as failures; an answer of any other status shows that the server works.
    package var failStatuses: Set<Int> = []

    package init() {}

    static let maxDoublings = 4

    /// How long a server is left alone; `jitter`, from 0 up to 1, adds up to a quarter, so that not all come back at once.
    func pause(trips: Int, jitter: Double) -> TimeAmount {
        let doubled = failTimeout.nanoseconds << Int64(min(max(0, trips - 1), Self.maxDoublings))
        return .nanoseconds(doubled + Int64(Double(doubled) * min(max(0, jitter), 1) / 4))
    }
}

/// Whether a server is asked, judged by how its last requests ended.
///
///     closed ──failures in a row──▶ open ──time, a request──▶ trial, busy ──answer──▶ closed
///                                    │ ▲                          │  ▲
///                                    │ └─────────failure──────────┘  │
///                                    └──it takes connections──▶ trial┘
///
/// In `trial` one request at a time is let through.
struct Breaker: Sendable, Equatable {
    enum State: Sendable, Equatable {
        case closed(failures: Int)
        case open(until: NIODeadline)
        case trial(isBusy: Bool)
    }

    private(set) var state = State.closed(failures: 0)
    /// How often it opened since the server last worked.
    private(set) var trips = 0

    enum Admission: Equatable {
        case open
        /// The request tells whether the server works again.
        case trial
        case refused
    }

    /// Whether a request would be let through now; one that must not be a test only once the server takes connections.
    func admits(now: NIODeadline, mayTest: Bool) -> Bool {
        switch state {
        case .closed: true
        case .open(let until): mayTest && now >= until
        case .trial(let isBusy): !isBusy
        }
    }

    /// Lets a request through or does not.
    mutating func admit(now: NIODeadline, mayTest: Bool) -> Admission {
        guard admits(now: now, mayTest: mayTest) else { return .refused }
        if case .closed = state { return .open }
        state = .trial(isBusy: true)
        return .trial
    }

    /// A request failed; returns whether the server is left alone from now on.
    mutating func failed(isTrial: Bool, policy: BreakerPolicy, now: NIODeadline, jitter: Double) -> Bool {
        switch state {
        case .closed(let failures) where failures + 1 < policy.maxFailures:
            state = .closed(failures: failures + 1)
            return false
        case .closed:
            open(policy, now, jitter)
            return true
        case .trial where isTrial:
            open(policy, now, jitter)
            return true
        case .open, .trial:
            // A request of before; what it says is known.
            return false
        }
    }

    /// A request was answered; returns whether the server works again.
    mutating func answered(isTrial: Bool) -> Bool {
        switch state {
        case .closed:
            state = .closed(failures: 0)
            return false
        case .trial where isTrial:
            self = Breaker()
            return true
        case .open, .trial:
            return false
        }
    }

    /// A trial ended without a result.
    mutating func trialEnded() {
        if case .trial = state { state = .trial(isBusy: false) }
    }

    /// A connection was made, or was not, while the server was left alone.
    mutating func connectionTested(succeeded: Bool, policy: BreakerPolicy, now: NIODeadline, jitter: Double) {
        guard case .open = state else { return }
        if succeeded { state = .trial(isBusy: false) } else { open(policy, now, jitter) }
    }

    private mutating func open(_ policy: BreakerPolicy, _ now: NIODeadline, _ jitter: Double) {
        trips = min(trips + 1, BreakerPolicy.maxDoublings + 1)
        state = .open(until: now + policy.pause(trips: trips, jitter: jitter))
    }
}
