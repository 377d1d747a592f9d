import Primitives
import Synchronization

/// Whether there is code at an address, for as long as it may be believed.
///
/// Bounded: at the limit the older half is forgotten, never all of it.
final class CodeCache: Sendable {
    /// Code at a token stays (the official SDK believes it as long).
    static let tokenLifetime: Duration = .seconds(15 * 60)
    /// A payer can become a contract at any time (EIP-7702).
    static let payerLifetime: Duration = .seconds(30)
    static let capacity = 8192

    private struct Generations {
        var young: [Address: (hasCode: Bool, until: Duration)] = [:]
        var old: [Address: (hasCode: Bool, until: Duration)] = [:]
    }

    private let state = Mutex(Generations())

    /// What is known, nil when the chain has to be asked.
    func hasCode(_ address: Address, now: Duration) -> Bool? {
        state.withLock { state in
            guard let known = state.young[address] ?? state.old[address], now < known.until else { return nil }
            return known.hasCode
        }
    }

    func remember(_ address: Address, hasCode: Bool, until: Duration) {
        state.withLock { state in
            if state.young.count >= Self.capacity / 2 {
                state.old = state.young
                state.young.removeAll(keepingCapacity: true)
            }
            state.young[address] = (hasCode, until)
        }
    }
}
