import Facilitator
import Synchronization

/// The registry of the file in force, and the rails of earlier files whose payments may still be open.
final class RailsInForce: Sendable {
    private struct State {
        var registry: AdapterRegistry
        var retired: [String: any Rail] = [:]
    }

    private let state: Mutex<State>

    init(_ registry: AdapterRegistry) { state = Mutex(State(registry: registry)) }

    var registry: AdapterRegistry { state.withLock { $0.registry } }

    /// The rail with that id, of this file or of the last one that had it.
    func rail(id: String) -> (any Rail)? {
        state.withLock { $0.registry.rail(id: id) ?? $0.retired[id] }
    }

    func adopt(_ registry: AdapterRegistry) {
        state.withLock { state in
            for rail in state.registry.rails { state.retired[rail.id] = rail }
            state.registry = registry
        }
    }
}
