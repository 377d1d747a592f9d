import NIOCore

/// All that is known of a server's health.
struct ServerCondition: Sendable, Equatable {
    private(set) var breaker = Breaker()
    /// What the health checks say.
    private(set) var checks = HealthTally()
    /// When it came back or was added, while that is not long ago.
    private(set) var upSince: NIODeadline?

    /// A server that joins others that are warm already.
    init(addedAt time: NIODeadline? = nil) { upSince = time }

    /// Whether nothing is to be minded: it gets its full share without a look at the clock.
    var isPlain: Bool {
        upSince == nil && !checks.isDown && breaker.state == .closed(failures: 0)
    }

    /// A short word for logs.
    enum Word: String, Sendable {
        case up
        case down
        /// Left alone after failures.
        case leftAlone = "left alone"
        case trial
    }

    var word: Word {
        if checks.isDown { return .down }
        return switch breaker.state {
        case .closed: .up
        case .open: .leftAlone
        case .trial: .trial
        }
    }

    /// Its share of its weight, 10 to 100; 0 when it must not be asked.
    mutating func percent(now: NIODeadline, mayTest: Bool, slowStart: TimeAmount) -> Int {
        guard !checks.isDown, breaker.admits(now: now, mayTest: mayTest) else { return 0 }
        let percent = SlowStart.percent(since: upSince, now: now, duration: slowStart)
        if percent == 100 { upSince = nil }
        return percent
    }

    mutating func admit(now: NIODeadline, mayTest: Bool) -> Breaker.Admission {
        checks.isDown ? .refused : breaker.admit(now: now, mayTest: mayTest)
    }

    /// When it may be asked again, as far as is known.
    var nextChance: NIODeadline? {
        guard !checks.isDown, case .open(let until) = breaker.state else { return nil }
        return until
    }

    mutating func failed(isTrial: Bool, policy: BreakerPolicy, now: NIODeadline, jitter: Double) -> Bool {
        breaker.failed(isTrial: isTrial, policy: policy, now: now, jitter: jitter)
    }

    mutating func answered(isTrial: Bool, now: NIODeadline) {
        if breaker.answered(isTrial: isTrial) { upSince = now }
    }

    mutating func trialEnded() { breaker.trialEnded() }

    mutating func connectionTested(succeeded: Bool, policy: BreakerPolicy, now: NIODeadline, jitter: Double) {
        breaker.connectionTested(succeeded: succeeded, policy: policy, now: now, jitter: jitter)
    }

    /// A health check passed or did not.
    mutating func checked(passed: Bool, check: HealthCheck, now: NIODeadline) {
        switch checks.checked(passed: passed, check: check) {
        case .unchanged, .down: return
        case .up:
            breaker = Breaker()
            upSince = now
        }
    }

    /// Checks are no longer made.
    mutating func forgetChecks() { checks = HealthTally() }
}
