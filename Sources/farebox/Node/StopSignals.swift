import UnixSignals

/// The signals that a serving process minds.
struct StopSignals: Sendable {
    private let signals: UnixSignalsSequence

    /// Traps them; from here on none is lost and none kills the process.
    static func trap() async -> StopSignals {
        StopSignals(signals: await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup))
    }

    /// Reloads at each SIGHUP, one at a time, until SIGTERM or SIGINT asks to stop.
    func untilStopped(reload: () async -> Void) async {
        for await signal in signals {
            if signal != .sighup { return }
            await reload()
        }
    }
}
