/// How often, and after what pauses, a call that does no harm twice is made again.
package struct RetryPolicy: Hashable, Sendable {
    /// Calls in all.
    package var attempts = 3
    /// The longest first pause; it doubles with each further one.
    package var pause: Duration = .milliseconds(200)
    /// The longest pause.
    package var maxPause: Duration = .seconds(2)

    package init() {}

    /// The pause after that many failed calls, nil when there is no further one.
    ///
    /// Drawn evenly between half the bound and the bound, so that callers that failed together do not come back together.
    package func pause(afterAttempt attempt: Int, random: UInt64) -> Duration? {
        guard attempt < attempts else { return nil }
        let bound = min(pause * (1 << min(attempt - 1, 16)), maxPause)
        let thousandths = 500 + Int(random % 501)
        return bound * thousandths / 1000
    }
}
