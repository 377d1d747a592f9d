import NIOCore
import Testing

@testable import Transport

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

private func policy(_ change: (inout BreakerPolicy) -> Void = { _ in }) -> BreakerPolicy {
    var policy = BreakerPolicy()
    policy.failTimeout = .seconds(2)
    change(&policy)
    return policy
}

@Suite("The breaker of a server")
struct BreakerTests {
    /// A breaker that opened at `start`.
    private func opened() -> Breaker {
        var breaker = Breaker()
        for _ in 0..<3 { _ = breaker.failed(isTrial: false, policy: policy(), now: start, jitter: 0) }
        return breaker
    }

    @Test("opens after failures in a row, and not when an answer comes between")
    func opens() {
        var breaker = Breaker()
        let events = [false, false, true, false, false, false]
        let opened = events.map { isAnswer in
            if isAnswer { return breaker.answered(isTrial: false) }
            return breaker.failed(isTrial: false, policy: policy(), now: start, jitter: 0)
        }
        #expect(opened == [false, false, false, false, false, true])
        #expect(breaker.state == .open(until: start + .seconds(2)))
    }

    @Test(
        "each further time is twice as long, up to 16 times, and jitter adds up to a quarter",
        arguments: [
            (1, 0, 2000), (2, 0, 4000), (3, 0, 8000), (5, 0, 32_000), (9, 0, 32_000), (1, 1, 2500), (2, 0.5, 4500),
        ])
    func pauses(trips: Int, jitter: Double, milliseconds: Int64) {
        #expect(policy().pause(trips: trips, jitter: jitter) == .milliseconds(milliseconds))
    }

    @Test("lets nothing through while open, then one request that may be lost")
    func halfOpen() {
        var breaker = opened()
        let early = start + .milliseconds(1999)
        #expect(breaker.admit(now: early, mayTest: true) == .refused)
        let late = start + .seconds(2)
        #expect(breaker.admit(now: late, mayTest: false) == .refused)
        #expect(breaker.admit(now: late, mayTest: true) == .trial)
        #expect(breaker.admit(now: late, mayTest: true) == .refused)
        let works = breaker.answered(isTrial: true)
        #expect(works)
        #expect(breaker == Breaker())
    }

    @Test("a trial that fails opens it for longer")
    func failedTrial() {
        var breaker = opened()
        let late = start + .seconds(2)
        _ = breaker.admit(now: late, mayTest: true)
        let isOpen = breaker.failed(isTrial: true, policy: policy(), now: late, jitter: 0)
        #expect(isOpen)
        #expect(breaker.state == .open(until: late + .seconds(4)))
    }

    @Test("a trial without a result makes room for the next")
    func emptyTrial() {
        var breaker = opened()
        let late = start + .seconds(2)
        _ = breaker.admit(now: late, mayTest: true)
        breaker.trialEnded()
        #expect(breaker.admit(now: late, mayTest: false) == .trial)
    }

    @Test("requests from before neither open nor close it")
    func stragglers() {
        var breaker = opened()
        let closes = breaker.answered(isTrial: false)
        #expect(!closes)
        let opens = breaker.failed(isTrial: false, policy: policy(), now: start, jitter: 0)
        #expect(!opens)
        #expect(breaker.state == .open(until: start + .seconds(2)))
        let late = start + .seconds(2)
        _ = breaker.admit(now: late, mayTest: true)
        let closesLater = breaker.answered(isTrial: false)
        #expect(!closesLater)
        let opensLater = breaker.failed(isTrial: false, policy: policy(), now: late, jitter: 0)
        #expect(!opensLater)
        #expect(breaker.state == .trial(isBusy: true))
    }

    @Test("a server that takes connections again gets any request for a trial, one at a time")
    func connectionTest() {
        var breaker = opened()
        let late = start + .seconds(3)
        breaker.connectionTested(succeeded: false, policy: policy(), now: late, jitter: 0)
        #expect(breaker.state == .open(until: late + .seconds(4)))
        breaker.connectionTested(succeeded: true, policy: policy(), now: late, jitter: 0)
        #expect(breaker.admits(now: late, mayTest: false))
        #expect(breaker.admit(now: late, mayTest: false) == .trial)
        #expect(breaker.admit(now: late, mayTest: false) == .refused)
    }
}

@Suite("The condition of a server")
struct ServerConditionTests {
    @Test(
        "slow start goes from 10 to 100 percent in a straight line",
        arguments: [(-1, 10), (0, 10), (2500, 32), (5000, 55), (9999, 99), (10_000, 100), (60_000, 100)])
    func slowStart(milliseconds: Int64, percent: Int) {
        let now = start + .milliseconds(milliseconds)
        #expect(SlowStart.percent(since: start, now: now, duration: .seconds(10)) == percent)
        #expect(SlowStart.percent(since: nil, now: now, duration: .seconds(10)) == 100)
    }

    @Test("a server that was added warms up, one of the first does not")
    func added() {
        #expect(UpstreamServer().isPlain)
        let server = UpstreamServer(addedAt: start)
        #expect(!server.isPlain)
        let percent = server.change {
            $0.percent(now: start + .seconds(5), mayTest: true, slowStart: .seconds(10))
        }
        #expect(percent == 55)
        server.change { _ = $0.percent(now: start + .seconds(10), mayTest: true, slowStart: .seconds(10)) }
        #expect(server.isPlain)
    }

    @Test("a server that came back warms up")
    func cameBack() {
        var condition = ServerCondition()
        for _ in 0..<3 { _ = condition.failed(isTrial: false, policy: policy(), now: start, jitter: 0) }
        #expect(condition.word == .leftAlone)
        #expect(condition.nextChance == start + .seconds(2))
        let late = start + .seconds(2)
        #expect(condition.admit(now: late, mayTest: true) == .trial)
        condition.answered(isTrial: true, now: late)
        #expect(condition.word == .up)
        #expect(condition.percent(now: late, mayTest: true, slowStart: .seconds(10)) == 10)
    }

    @Test("the first check decides, later ones must agree")
    func checks() {
        var check = HealthCheck(path: "/")
        check.healthy = 2
        check.unhealthy = 3
        let script: [(passed: Bool, isDown: Bool)] = [
            (false, true), (true, true), (false, true), (true, true), (true, false), (false, false), (false, false),
            (true, false), (false, false), (false, false), (false, true),
        ]
        var condition = ServerCondition()
        for (index, step) in script.enumerated() {
            condition.checked(passed: step.passed, check: check, now: start)
            #expect((condition.word == .down) == step.isDown, "step \(index)")
            let percent = condition.percent(now: start, mayTest: true, slowStart: .seconds(10))
            #expect((percent == 0) == step.isDown)
        }
    }

    @Test("checks that find a server well close its breaker")
    func checksCloseBreaker() {
        var check = HealthCheck(path: "/")
        check.healthy = 1
        check.unhealthy = 1
        var condition = ServerCondition()
        for _ in 0..<3 { _ = condition.failed(isTrial: false, policy: policy(), now: start, jitter: 0) }
        condition.checked(passed: false, check: check, now: start)
        condition.checked(passed: true, check: check, now: start)
        #expect(condition.word == .up)
    }
}
