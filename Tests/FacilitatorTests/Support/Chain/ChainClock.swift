import Facilitator
import Synchronization

/// A clock for rails on a chain: a sleep takes no time but moves the clock, up to a horizon at which sleepers are parked.
///
/// What looks after a transaction looks for ever; the horizon keeps it from running away while a test looks elsewhere.
final class ChainClock: Sendable {
    private struct State {
        var now: Duration = .zero
        var horizon: Duration
        var parked: [(pause: Duration, continuation: CheckedContinuation<Void, Never>)] = []
        var onSleep: @Sendable () -> Void = {}
        var random: UInt64 = 0
    }

    private let state: Mutex<State>

    init(horizon: Duration = .seconds(60)) {
        state = Mutex(State(horizon: horizon))
    }

    var now: Duration { state.withLock { $0.now } }
    /// Whether a sleeper has reached the horizon.
    var isParked: Bool { state.withLock { !$0.parked.isEmpty } }

    /// What happens while somebody sleeps.
    func onSleep(_ happen: @escaping @Sendable () -> Void) { state.withLock { $0.onSleep = happen } }

    func advance(by duration: Duration) { state.withLock { $0.now += duration } }

    /// Moves the horizon, and lets the parked go on towards it.
    func run(for duration: Duration) {
        let (parked, happen) = state.withLock { state in
            state.horizon = state.now + duration
            defer { state.parked = [] }
            for sleeper in state.parked { state.now += sleeper.pause }
            return (state.parked, state.onSleep)
        }
        for sleeper in parked {
            happen()
            sleeper.continuation.resume()
        }
    }

    /// Moves the horizon, and returns when a sleeper has come to it or nobody sleeps any more.
    func run(for duration: Duration, until isDone: @Sendable () async -> Bool) async {
        run(for: duration)
        while !isParked {
            if await isDone() { return }
            await Task.yield()
        }
    }

    var clock: RailClock {
        RailClock(
            now: { self.now },
            sleep: { await self.sleep($0) },
            random: {
                self.state.withLock {
                    $0.random += 1
                    return $0.random
                }
            })
    }

    private func sleep(_ pause: Duration) async {
        await withCheckedContinuation { continuation in
            let happen = state.withLock { state -> (@Sendable () -> Void)? in
                guard state.now + pause <= state.horizon else {
                    state.parked.append((pause, continuation))
                    return nil
                }
                state.now += pause
                return state.onSleep
            }
            guard let happen else { return }
            happen()
            continuation.resume()
        }
    }
}

/// True the first time it is asked.
final class Once: Sendable {
    private let isFirst = Mutex(true)

    func callAsFunction() -> Bool {
        isFirst.withLock { isFirst in
            defer { isFirst = false }
            return isFirst
        }
    }
}
