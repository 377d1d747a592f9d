import UnixSignals

/// The signals that a serving process minds.
struct ProcessSignals: Sendable {
    private let signals: UnixSignalsSequence

    /// Traps them; from here on none is lost and none kills the process.
    static func trap() async -> ProcessSignals {
        ProcessSignals(signals: await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigusr2))
    }

    /// Returns at the first signal that asks to stop.
    func untilStopped() async {
        for await signal in signals where signal == .sigterm || signal == .sigint { return }
    }

    /// Tells each signal until the task is cancelled.
    func listen(_ received: (SignalState.Kind) -> Void) async {
        for await signal in signals { received(Self.kind(signal)) }
    }

    private static func kind(_ signal: UnixSignal) -> SignalState.Kind {
        switch signal {
        case .sighup: .reload
        case .sigusr2: .replace
        default: .stop
        }
    }
}

/// What a signal asks for, in view of those before it.
enum SignalOrder: Hashable {
    case reload
    case stop
    /// Let the program at the same path go on with the sockets.
    case replace
    /// Stop for good instead of being replaced.
    case stopInstead
    /// Wait for nobody any more.
    case hurry
    /// End where it stands.
    case abandon
}

/// What signals mean one after the other.
///
///     serving ──stop──▶ stopping ──stop──▶ hurrying ──stop──▶ abandoned
///        └──beginReplacing──▶ replacing ──stop──▶ stopping
struct SignalState {
    enum Kind: Hashable, CaseIterable {
        case stop, reload, replace
    }

    private enum State {
        case serving, replacing, stopping, hurrying
    }

    private var state = State.serving

    /// The order that a signal is; nil where it changes nothing any more.
    mutating func received(_ kind: Kind) -> SignalOrder? {
        switch (state, kind) {
        case (.serving, .reload): return .reload
        case (.serving, .replace): return .replace
        case (.serving, .stop):
            state = .stopping
            return .stop
        case (.replacing, .stop):
            state = .stopping
            return .stopInstead
        case (.stopping, .stop):
            state = .hurrying
            return .hurry
        case (.hurrying, .stop): return .abandon
        case (_, .reload), (_, .replace): return nil
        }
    }

    /// Begins to end for a successor, unless the process is ending already.
    mutating func beginReplacing() -> Bool {
        guard case .serving = state else { return false }
        state = .replacing
        return true
    }

    /// Whether a successor is to go on.
    var isReplacing: Bool { if case .replacing = state { true } else { false } }
}
