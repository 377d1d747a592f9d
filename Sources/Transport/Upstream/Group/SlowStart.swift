import NIOCore

/// The share of its weight that a server has while it warms up.
enum SlowStart {
    static let leastPercent = 10

    /// From 10 at `start` in a straight line to 100 after `duration`.
    static func percent(since start: NIODeadline?, now: NIODeadline, duration: TimeAmount) -> Int {
        guard let start, duration > .zero else { return 100 }
        let passed = (now - start).nanoseconds
        guard passed > 0 else { return leastPercent }
        guard passed < duration.nanoseconds else { return 100 }
        return leastPercent + Int(Double(100 - leastPercent) * Double(passed) / Double(duration.nanoseconds))
    }
}
