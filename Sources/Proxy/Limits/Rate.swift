/// So many in a time, and so many at once after a rest: a token bucket's measures.
package struct Rate: Hashable, Sendable {
    /// The times that a rate may count in.
    package enum Period: Int, Hashable, Sendable {
        case second = 1
        case minute = 60
        case hour = 3600
        case day = 86_400
    }

    package let count: Int
    package let period: Period
    package let burst: Int

    /// The most of `count` and of `burst`.
    package static let maximum = 1_000_000
    /// The longest time in which an empty bucket fills: a year.
    private static let longestFill: UInt64 = 365 * 86_400 * 1_000_000_000

    /// Nil where a number is out of bounds, or the bucket would take more than a year to fill.
    package init?(_ count: Int, per period: Period, burst: Int) {
        guard (1...Self.maximum).contains(count), (1...Self.maximum).contains(burst) else { return nil }
        self.count = count
        self.period = period
        self.burst = burst
        let nanoseconds = UInt64(period.rawValue) * 1_000_000_000
        // Rounded up: never more than the rate.
        interval = (nanoseconds + UInt64(count) - 1) / UInt64(count)
        let (fill, overflow) = interval.multipliedReportingOverflow(by: UInt64(burst))
        guard !overflow, fill <= Self.longestFill else { return nil }
        tolerance = fill - interval
    }

    /// Nanoseconds that one token takes to come back.
    let interval: UInt64
    /// How far ahead of now the time at which the bucket is full again may lie for a token to be there.
    let tolerance: UInt64
}
