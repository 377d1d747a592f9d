import Synchronization

/// What befell one upstream server, over all loops and for as long as it is known.
package final class UpstreamCounts: Sendable {
    private let leftAlone = Atomic<Int>(0)
    private let takenElsewhere = Atomic<Int>(0)

    /// How often it was found that the server must be left alone.
    package var ejections: Int { leftAlone.load(ordering: .relaxed) }
    /// Requests that went on with another server after this one had failed them.
    package var retries: Int { takenElsewhere.load(ordering: .relaxed) }

    func eject() { leftAlone.add(1, ordering: .relaxed) }

    func retry() { takenElsewhere.add(1, ordering: .relaxed) }
}
