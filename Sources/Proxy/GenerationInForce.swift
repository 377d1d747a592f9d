import Synchronization

/// The file in force, for all loops at the same moment.
///
/// A loop looks at the edition before each request, which costs one load; only a change costs more. So no request that
/// begins after a reload has ended is served under the old file, on whatever loop.
final class GenerationInForce: Sendable {
    private let edition = Atomic<Int>(0)
    private let latest = Mutex<PaywallGeneration?>(nil)

    /// Puts a file in force.
    func replace(with generation: PaywallGeneration) {
        latest.withLock { latest in
            latest = generation
            edition.add(1, ordering: .releasing)
        }
    }

    /// The file in force and its edition when it is another than `known`.
    @inline(__always)
    func change(since known: Int) -> (edition: Int, generation: PaywallGeneration)? {
        edition.load(ordering: .acquiring) == known ? nil : read()
    }

    private func read() -> (edition: Int, generation: PaywallGeneration)? {
        latest.withLock { latest in latest.map { (edition.load(ordering: .relaxed), $0) } }
    }
}
