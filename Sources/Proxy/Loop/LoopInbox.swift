import NIOConcurrencyHelpers
import NIOCore

/// Brings results from other threads back to one event loop, many with one wake-up.
///
/// A ledger answers a whole commit at once: its replies cost the loop a single task. Order is kept.
final class LoopInbox: Sendable {
    private struct Pending {
        var letters: [Letter] = []
        var isScheduled = false
    }

    /// A result with the object that waits for it; opened on the loop only.
    struct Letter: @unchecked Sendable {
        let open: () -> Void
    }

    private let eventLoop: any EventLoop
    private let pending = NIOLockedValueBox(Pending())

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Runs `letter` on the loop, soon, from any thread.
    func post(_ letter: Letter) {
        let mustSchedule = pending.withLockedValue { pending in
            pending.letters.append(letter)
            if pending.isScheduled { return false }
            pending.isScheduled = true
            return true
        }
        if mustSchedule { eventLoop.execute { self.drain() } }
    }

    private func drain() {
        let letters = pending.withLockedValue { pending in
            var taken: [Letter] = []
            swap(&taken, &pending.letters)
            pending.isScheduled = false
            return taken
        }
        for letter in letters { letter.open() }
    }
}
