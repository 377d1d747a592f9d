import Primitives
import Synchronization

/// The keys that seal session tickets, changed from time to time and shared by all loops.
///
/// They outlive a change of certificates, and end with the process: a client's ticket from before costs it a full
/// handshake.
final class TicketKeys: Sendable {
    struct Key: Sendable {
        /// What a ticket says it was sealed with; 16 bytes of it are used (RFC 5077 §4).
        let name: Bytes32
        let cipher: Bytes32
        let mac: Bytes32

        init(using generator: inout some RandomNumberGenerator) {
            name = .random(using: &generator)
            cipher = .random(using: &generator)
            mac = .random(using: &generator)
        }
    }

    /// The answer to `opening(_:)`.
    enum Opening {
        case current(Key)
        /// The session goes on, with a new ticket.
        case previous(Key)
        case unknown
    }

    /// How long a key seals; for as long again it opens what it sealed.
    static let lifetime: Duration = .seconds(12 * 3600)
    static let nameBytes = 16

    private struct State {
        var current: Key
        var previous: Key?
        /// When the current one began, by the clock of `now`.
        var began: Duration

        mutating func turn(_ now: Duration) {
            let age = now - began
            guard age >= TicketKeys.lifetime else { return }
            var generator = SystemRandomNumberGenerator()
            previous = age < TicketKeys.lifetime * 2 ? current : nil
            current = Key(using: &generator)
            began = now
        }
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Duration

    /// - Parameter now: A clock that only goes forward.
    init(now: @escaping @Sendable () -> Duration = TicketKeys.uptime) {
        var generator = SystemRandomNumberGenerator()
        state = Mutex(State(current: Key(using: &generator), previous: nil, began: now()))
        self.now = now
    }

    private static let start = ContinuousClock.now

    static let uptime: @Sendable () -> Duration = { TicketKeys.start.duration(to: .now) }

    /// The key for a new ticket.
    func sealing() -> Key {
        let now = now()
        return state.withLock { state in
            state.turn(now)
            return state.current
        }
    }

    /// The key that a client's ticket was sealed with.
    func opening(_ name: UnsafeRawBufferPointer) -> Opening {
        let now = now()
        return state.withLock { state in
            state.turn(now)
            if Self.matches(state.current, name) { return .current(state.current) }
            if let previous = state.previous, Self.matches(previous, name) { return .previous(previous) }
            return .unknown
        }
    }

    private static func matches(_ key: Key, _ name: UnsafeRawBufferPointer) -> Bool {
        key.name.withBytes { $0.prefix(nameBytes).elementsEqual(name) }
    }
}
