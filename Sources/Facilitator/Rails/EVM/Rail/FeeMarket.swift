import EVM
import Synchronization

/// The fees of a chain, asked for once in a while.
final class FeeMarket: Sendable {
    /// About one block of the fastest chains in the catalogue; an offer has room for more than that.
    static let lifetime: Duration = .seconds(3)

    private let chain: Chain
    private let clock: RailClock
    private let known = Mutex<(fees: ChainFees, until: Duration)?>(nil)

    init(chain: Chain, clock: RailClock) {
        self.chain = chain
        self.clock = clock
    }

    func fees() async throws(ChainError) -> ChainFees {
        let now = clock.now()
        if let known = known.withLock({ $0 }), now < known.until { return known.fees }
        let fees = try await chain.fees()
        known.withLock { $0 = (fees, now + Self.lifetime) }
        return fees
    }
}
