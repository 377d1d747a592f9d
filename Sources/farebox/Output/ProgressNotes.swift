import Synchronization

/// Tells how far long work has come: nothing in the first seconds, then a line every few.
final class ProgressNotes: Sendable {
    private static let interval = Duration.seconds(2)

    private let last = Mutex(ContinuousClock.now)

    /// Takes a report, which may come at any rate and from any thread.
    func report(_ text: @autoclosure () -> String) {
        let isDue = last.withLock { last in
            let now = ContinuousClock.now
            guard now - last >= Self.interval else { return false }
            last = now
            return true
        }
        if isDue { OutputStream.notes.line(text()) }
    }
}
