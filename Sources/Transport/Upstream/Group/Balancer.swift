#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Chooses one of several servers by their weights.
///
/// A pure value: who is available, and how much each has to do, are arguments.
struct Balancer {
    private let policy: BalancePolicy
    /// What tells the servers apart in a hash; the same in every process.
    private let salts: [UInt64]
    /// How much each server is owed, for turns that are spread evenly.
    private var credit: [Int]

    init(_ policy: BalancePolicy, names: [String]) {
        self.policy = policy
        salts = names.map { KeyHash.of($0) }
        credit = Array(repeating: 0, count: names.count)
    }

    /// Returns a server whose weight is above zero, nil when there is none.
    ///
    /// - Parameters:
    ///   - weights: One for each server, 0 for one that must not be chosen.
    ///   - load: The requests that a server has under way.
    ///   - key: The hash of what the choice is to depend on.
    mutating func pick(weights: [Int], key: UInt64, load: (Int) -> Int) -> Int? {
        switch policy {
        case .roundRobin: nextInTurn(weights) { _ in true }
        case .leastOutstanding: leastLoaded(weights, load)
        case .hash: highestRank(weights, key)
        }
    }

    /// Everyone is given its weight, who has most is chosen and pays the sum: turns of unequal servers interleave.
    private mutating func nextInTurn(_ weights: [Int], where isWanted: (Int) -> Bool) -> Int? {
        var total = 0
        var best: Int?
        for index in weights.indices where weights[index] > 0 && isWanted(index) {
            total += weights[index]
            credit[index] += weights[index]
            if let known = best, credit[index] <= credit[known] { continue }
            best = index
        }
        if let best { credit[best] -= total }
        return best
    }

    /// Those with the least to do for their weight take turns.
    private mutating func leastLoaded(_ weights: [Int], _ load: (Int) -> Int) -> Int? {
        var best: Int?
        for index in weights.indices where weights[index] > 0 {
            guard let known = best else {
                best = index
                continue
            }
            if Self.isLess(load(index), weights[index], load(known), weights[known]) { best = index }
        }
        guard let best else { return nil }
        let (least, weight) = (load(best), weights[best])
        return nextInTurn(weights) { !Self.isLess(least, weight, load($0), weights[$0]) }
    }

    /// Whether one more request is less for the first than for the second; compared without a division.
    private static func isLess(_ load: Int, _ weight: Int, _ otherLoad: Int, _ otherWeight: Int) -> Bool {
        (load + 1) * otherWeight < (otherLoad + 1) * weight
    }

    /// Rendezvous hashing with weights: the rank of a server for a key depends on no other server, so that one that goes
    /// down moves its own keys only, and a weight moves no more keys than its change (Thaler and Ravishankar 1998;
    /// Schindelhauer and Schomaker 2005 for `-w / ln h`).
    private func highestRank(_ weights: [Int], _ key: UInt64) -> Int? {
        var best: Int?
        var bestRank = 0.0
        for index in weights.indices where weights[index] > 0 {
            let mixed = KeyHash.mix(key ^ salts[index])
            // In (0, 1), 53 bits.
            let unit = (Double(mixed >> 11) + 0.5) / Double(1 << 53)
            let rank = -Double(weights[index]) / log(unit)
            if best != nil, rank <= bestRank { continue }
            best = index
            bestRank = rank
        }
        return best
    }
}

/// A 64-bit hash that is the same in every process, for balancing only.
package struct KeyHash {
    // FNV-1a's offset and prime (RFC 9923 §5).
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func update(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    }

    package var value: UInt64 { Self.mix(state) }

    static func of(_ text: String) -> UInt64 {
        var hash = KeyHash()
        hash.update(text.utf8)
        return hash.value
    }

    /// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }
}
