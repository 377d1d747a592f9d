import Facilitator
import Testing

struct CircuitBreakerTests {
    enum Step: Sendable {
        case proceeds(at: Int)
        case isRefused(at: Int, retryAfter: Int)
        case succeeds
        case fails(at: Int)
    }

    private static let policy: CircuitBreaker.Policy = {
        var policy = CircuitBreaker.Policy()
        policy.failures = 2
        policy.pause = .seconds(10)
        policy.trialTimeout = .seconds(30)
        return policy
    }()

    @Test(
        "the breaker goes closed, open, half open as its table says",
        arguments: [
            (
                "stays closed below the limit",
                [.fails(at: 0), .proceeds(at: 1), .succeeds, .fails(at: 2), .proceeds(at: 3)]
            ),
            ("opens at the limit", [.fails(at: 0), .fails(at: 1), .isRefused(at: 2, retryAfter: 9)]),
            (
                "lets one trial through when the pause is over",
                [.fails(at: 0), .fails(at: 0), .proceeds(at: 10), .isRefused(at: 10, retryAfter: 30)]
            ),
            (
                "closes when the trial succeeds",
                [.fails(at: 0), .fails(at: 0), .proceeds(at: 10), .succeeds, .fails(at: 11), .proceeds(at: 11)]
            ),
            (
                "opens again when the trial fails",
                [
                    .fails(at: 0), .fails(at: 0), .proceeds(at: 10), .fails(at: 12), .isRefused(at: 13, retryAfter: 9),
                    .proceeds(at: 22),
                ]
            ),
            (
                "a trial that never tells makes way for another",
                [
                    .fails(at: 0), .fails(at: 0), .proceeds(at: 10), .proceeds(at: 40),
                    .isRefused(at: 41, retryAfter: 29),
                ]
            ),
            (
                "late failures do not lengthen the pause",
                [.fails(at: 0), .fails(at: 0), .fails(at: 9), .proceeds(at: 10)]
            ),
        ] as [(String, [Step])])
    func table(name: String, steps: [Step]) {
        var breaker = CircuitBreaker(policy: Self.policy)
        for step in steps {
            switch step {
            case .proceeds(let second): #expect(breaker.admit(now: .seconds(second)) == .proceed)
            case .isRefused(let second, let retryAfter):
                #expect(breaker.admit(now: .seconds(second)) == .refused(retryAfter: .seconds(retryAfter)))
            case .succeeds: breaker.succeeded()
            case .fails(let second): breaker.failed(now: .seconds(second))
            }
        }
    }

    @Test(
        "pauses double up to a bound, are drawn from their upper half, and end after the last attempt",
        arguments: [
            (1, 0, 100), (1, 500, 200), (2, 0, 200), (2, 500, 400), (3, 500, 500), (4, 500, nil),
        ] as [(Int, UInt64, Int?)])
    func pauses(attempt: Int, random: UInt64, milliseconds: Int?) {
        var policy = RetryPolicy()
        policy.attempts = 4
        policy.pause = .milliseconds(200)
        policy.maxPause = .milliseconds(500)
        #expect(policy.pause(afterAttempt: attempt, random: random) == milliseconds.map { .milliseconds($0) })
    }
}
