/// Whole seconds since 1970.
package struct UnixTime: Hashable, Sendable {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    package var seconds: Int64

    /// Takes seconds since 1970.
    package init(_ seconds: Int64) {
        self.seconds = seconds
    }

    /// The time that much later, or earlier when negative; it stops at the ends of the range.
    package func adding(seconds delta: Int64) -> UnixTime {
        let (sum, overflow) = seconds.addingReportingOverflow(delta)
        guard overflow else { return UnixTime(sum) }
        return UnixTime(delta > 0 ? .max : .min)
    }
}

extension UnixTime: Comparable {
    /// Earlier is less.
    package static func < (left: UnixTime, right: UnixTime) -> Bool {
        left.seconds < right.seconds
    }
}
