/// The calls that a node takes: a token bucket whose tokens can be taken in advance.
///
/// Kept as the time at which it will be full again (GCRA, ITU-T I.371). Time is an argument.
struct RPCAllowance: Hashable, Sendable {
    /// The longest that a node is left alone because it said so.
    static let maxPause: Duration = .seconds(30)

    private let interval: Duration
    private let tolerance: Duration
    private var fullAgain: Duration = .zero

    init(policy: RateLimiter.Policy) {
        interval = .seconds(60) / policy.perMinute
        tolerance = interval * (policy.burst - 1)
    }

    /// Takes that many tokens, and says how long to wait before they count; nil, with none taken, past `patience`.
    ///
    /// More than the bucket holds wait for a full one.
    mutating func take(_ count: Int, now: Duration, patience: Duration) -> Duration? {
        let start = max(fullAgain, now)
        let wait = max(.zero, start - now - max(.zero, tolerance - interval * (count - 1)))
        guard wait <= patience else { return nil }
        fullAgain = start + interval * count
        return wait
    }

    /// Empties the bucket for a while.
    mutating func pause(for pause: Duration, now: Duration) {
        fullAgain = max(fullAgain, now + tolerance + min(pause, Self.maxPause))
    }
}
