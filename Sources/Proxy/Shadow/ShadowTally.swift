import Ledger
import Primitives

/// What shadow mode counted on one loop since it was last written.
struct ShadowTally {
    /// Kinds of requests that are kept apart; beyond, new clients are counted together.
    static let maximumKeys = 8_192

    private var counts: [ShadowKey: ShadowCount] = [:]

    var isEmpty: Bool { counts.isEmpty }

    mutating func add(_ key: ShadowKey, _ count: ShadowCount) {
        let isKept = counts[key] != nil || counts.count < Self.maximumKeys
        counts[isKept ? key : key.withoutClient, default: ShadowCount()].add(count)
    }

    /// Takes all of it out.
    mutating func take() -> [ShadowLine] {
        defer { counts = [:] }
        return counts.map { ShadowLine($0, $1) }
    }
}
