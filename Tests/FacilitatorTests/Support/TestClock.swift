import Facilitator
import Synchronization

/// A clock that moves only by what is slept, and a generator that counts.
final class TestClock: Sendable {
    private let state = Mutex((now: Duration.zero, slept: [Duration](), random: UInt64(0)))

    var slept: [Duration] { state.withLock { $0.slept } }

    func advance(by duration: Duration) { state.withLock { $0.now += duration } }

    var clock: RailClock {
        RailClock(
            now: { self.state.withLock { $0.now } },
            sleep: { duration in
                self.state.withLock {
                    $0.now += duration
                    $0.slept.append(duration)
                }
            },
            random: {
                self.state.withLock {
                    $0.random += 1
                    return $0.random
                }
            })
    }
}
