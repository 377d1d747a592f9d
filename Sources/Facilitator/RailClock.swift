/// Time and chance as the rails see them, so that tests can hold both.
package struct RailClock: Sendable {
    /// Time since some fixed moment; never goes back.
    package var now: @Sendable () -> Duration
    package var sleep: @Sendable (Duration) async throws -> Void
    /// A random number over the whole range.
    package var random: @Sendable () -> UInt64

    package init(
        now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable () -> UInt64
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    /// The machine's monotonic clock and generator.
    package static let system: RailClock = {
        let start = ContinuousClock.now
        return RailClock(
            now: { start.duration(to: .now) },
            sleep: { try await Task.sleep(for: $0) },
            random: { UInt64.random(in: .min ... .max) })
    }()
}
