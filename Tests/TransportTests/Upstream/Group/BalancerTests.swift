import Testing

@testable import Transport

private func names(_ count: Int) -> [String] { (0..<count).map { "10.0.0.\($0):80" } }

@Suite("Choosing a server")
struct BalancerTests {
    private func turns(_ weights: [Int], _ count: Int) -> [Int] {
        var balancer = Balancer(.roundRobin, names: names(weights.count))
        return (0..<count).compactMap { _ in balancer.pick(weights: weights, key: 0) { _ in 0 } }
    }

    @Test(
        "round robin goes by weights, and spreads the turns of a heavy server",
        arguments: [
            ([1, 1, 1], [0, 1, 2, 0, 1, 2]),
            ([5, 1, 1], [0, 0, 1, 0, 2, 0, 0]),
            ([2, 1], [0, 1, 0, 0, 1, 0]),
            ([0, 1, 0], [1, 1, 1]),
            ([7], [0, 0]),
        ])
    func roundRobin(weights: [Int], expected: [Int]) {
        #expect(turns(weights, expected.count) == expected)
    }

    @Test(
        "any weights give exactly their shares over a whole round", arguments: [[3, 1], [10, 7, 2], [1, 2, 3, 4, 5]])
    func shares(weights: [Int]) {
        let chosen = turns(weights, weights.reduce(0, +) * 3)
        for index in weights.indices { #expect(chosen.count { $0 == index } == weights[index] * 3) }
    }

    @Test(
        "nobody is chosen where nobody may be",
        arguments: [BalancePolicy.roundRobin, .leastOutstanding, .hash(.client)])
    func none(policy: BalancePolicy) {
        var balancer = Balancer(policy, names: names(2))
        let chosen = balancer.pick(weights: [0, 0], key: 1) { _ in 0 }
        #expect(chosen == nil)
    }

    @Test(
        "least outstanding takes who has least to do for its weight; equals take turns",
        arguments: [
            ([1, 1], [3, 2], [1, 1]),
            ([1, 1], [2, 2], [0, 1]),
            ([4, 1], [3, 1], [0, 0]),
            ([4, 1], [7, 0], [1, 1]),
            ([1, 0, 1], [9, 0, 9], [0, 2]),
        ])
    func leastOutstanding(weights: [Int], load: [Int], expected: [Int]) {
        var balancer = Balancer(.leastOutstanding, names: names(weights.count))
        let chosen = (0..<2).compactMap { _ in balancer.pick(weights: weights, key: 0) { load[$0] } }
        #expect(chosen == expected)
    }

    private func home(of key: Int, _ weights: [Int]) -> Int? {
        var hash = KeyHash()
        hash.update("client \(key)".utf8)
        var balancer = Balancer(.hash(.client), names: names(weights.count))
        return balancer.pick(weights: weights, key: hash.value) { _ in 0 }
    }

    @Test("a key has one home, the same in every process")
    func stable() {
        #expect((0..<12).map { home(of: $0, [1, 1, 1, 1]) } == (0..<12).map { home(of: $0, [1, 1, 1, 1]) })
        #expect((0..<8).map { home(of: $0, [1, 1, 1, 1]) } == Self.pinned)
    }

    /// Moves of keys between versions empty the servers' caches.
    private static let pinned: [Int?] = [0, 0, 0, 0, 3, 1, 0, 2]

    @Test("a server that goes down moves its own keys only")
    func downMovesOwn() {
        for key in 0..<2000 {
            let before = home(of: key, [1, 1, 1, 1])
            let after = home(of: key, [1, 0, 1, 1])
            if before == 1 { #expect(after != 1) } else { #expect(after == before) }
        }
    }

    @Test("keys are spread by weight, and a weight that grows only draws keys")
    func weightedKeys() {
        let keys = 0..<20_000
        let homes = keys.map { home(of: $0, [1, 2, 1]) }
        let share = Double(homes.count { $0 == 1 }) / Double(keys.count)
        #expect(abs(share - 0.5) < 0.02)
        for (key, before) in zip(keys, homes) {
            let after = home(of: key, [1, 3, 1])
            #expect(after == before || after == 1)
        }
    }
}
