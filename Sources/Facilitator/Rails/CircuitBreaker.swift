/// Keeps a failing peer from being asked again and again.
///
/// `closed → open` after `failures` in a row; `open → half open` when its time is over, for one trial; `half open → closed`
/// when the trial succeeds, `→ open` when it fails. Time is an argument.
package struct CircuitBreaker: Hashable, Sendable {
    /// When to open, and for how long.
    package struct Policy: Hashable, Sendable {
        /// Failures in a row that open the breaker.
        package var failures = 5
        /// How long nobody is asked.
        package var pause: Duration = .seconds(10)
        /// After this a trial that told nothing counts as failed.
        package var trialTimeout: Duration = .seconds(60)

        package init() {}
    }

    /// What a caller may do.
    package enum Admission: Hashable, Sendable {
        case proceed
        /// Not before this time has passed.
        case refused(retryAfter: Duration)
    }

    private enum State: Hashable, Sendable {
        case closed(failures: Int)
        case open(until: Duration)
        case halfOpen(trialUntil: Duration)
    }

    private let policy: Policy
    private var state: State = .closed(failures: 0)

    package init(policy: Policy = Policy()) { self.policy = policy }

    /// Whether callers are let through as usual.
    package var isClosed: Bool {
        guard case .closed = state else { return false }
        return true
    }

    /// Asks for leave; every `.proceed` is followed by `succeeded` or `failed`.
    package mutating func admit(now: Duration) -> Admission {
        switch state {
        case .closed: return .proceed
        case .open(let until), .halfOpen(let until):
            guard now >= until else { return .refused(retryAfter: until - now) }
            state = .halfOpen(trialUntil: now + policy.trialTimeout)
            return .proceed
        }
    }

    /// The peer answered in a form that can be believed.
    package mutating func succeeded() {
        state = .closed(failures: 0)
    }

    /// The peer did not answer, or not in such a form.
    package mutating func failed(now: Duration) {
        switch state {
        case .closed(let failures) where failures + 1 < policy.failures: state = .closed(failures: failures + 1)
        case .closed, .halfOpen: state = .open(until: now + policy.pause)
        case .open: break
        }
    }
}
