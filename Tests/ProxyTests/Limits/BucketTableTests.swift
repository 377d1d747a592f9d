import Foundation
import Synchronization
import Testing

@testable import Proxy

@Suite("Token buckets")
struct BucketTableTests {
    private static let second: UInt64 = 1_000_000_000

    private func rate(_ count: Int, _ period: Rate.Period = .second, burst: Int) throws -> Rate {
        try #require(Rate(count, per: period, burst: burst))
    }

    @Test("a full bucket gives its burst, then what comes back")
    func burst() throws {
        let table = BucketTable(buckets: 64)
        let rate = try rate(10, burst: 3)
        let start = 5 * Self.second
        for _ in 0..<3 { #expect(table.take(7, rate, now: start) == .taken) }
        #expect(table.take(7, rate, now: start) == .refused(retryAfter: Self.second / 10))
        #expect(table.take(7, rate, now: start + Self.second / 10 - 1) == .refused(retryAfter: 1))
        #expect(table.take(7, rate, now: start + Self.second / 10) == .taken)
        #expect(table.take(8, rate, now: start) == .taken)
        for _ in 0..<3 { #expect(table.take(7, rate, now: start + 60 * Self.second) == .taken) }
        #expect(table.take(7, rate, now: start + 60 * Self.second) != .taken)
    }

    @Test("the clock may begin at nothing, and a refusal costs no token")
    func fromZero() throws {
        let table = BucketTable(buckets: 64)
        let rate = try rate(1, burst: 1)
        #expect(table.take(1, rate, now: 0) == .taken)
        for _ in 0..<100 { #expect(table.take(1, rate, now: 1) == .refused(retryAfter: Self.second - 1)) }
        #expect(table.take(1, rate, now: Self.second) == .taken)
    }

    @Test(
        "a rate is never exceeded, whatever does not divide",
        arguments: [
            (7, Rate.Period.second), (3, .minute), (1_000_000, .second), (999_983, .second), (11, .hour), (1, .day),
        ])
    func indivisible(count: Int, period: Rate.Period) throws {
        let rate = try rate(count, period, burst: 1)
        #expect(rate.interval * UInt64(count) >= UInt64(period.rawValue) * Self.second)
        #expect((rate.interval - 1) * UInt64(count) < UInt64(period.rawValue) * Self.second)
    }

    @Test("a rate has bounds")
    func bounds() {
        #expect(Rate(0, per: .second, burst: 1) == nil && Rate(1, per: .second, burst: 0) == nil)
        #expect(Rate(1_000_001, per: .second, burst: 1) == nil && Rate(1, per: .day, burst: 366) == nil)
        #expect(Rate(1, per: .day, burst: 365) != nil)
    }

    /// A plain bucket per key, with the newcomers' rule left out.
    private struct Model {
        var fullAgain: [UInt64: UInt64] = [:]

        mutating func take(_ key: UInt64, _ rate: Rate, now: UInt64) -> BucketTable.TakeOutcome {
            let start = max(fullAgain[key] ?? 0, now)
            guard start - now <= rate.tolerance else { return .refused(retryAfter: start - now - rate.tolerance) }
            fullAgain[key] = start + rate.interval
            return .taken
        }
    }

    @Test("agrees with a plain bucket for each key, as long as there is room", arguments: 0..<8)
    func model(run: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(state: seed)
        let table = BucketTable(buckets: 4096)
        var model = Model()
        let keys = (0..<200).map { _ in random.next() }
        let rates = try keys.map { _ in
            try rate(Int.random(in: 1...200, using: &random), burst: Int.random(in: 1...20, using: &random))
        }
        var now: UInt64 = 0
        for _ in 0..<20_000 {
            now += UInt64.random(in: 0...(Self.second / 500), using: &random)
            let index = Int.random(in: 0..<keys.count, using: &random)
            let expected = model.take(keys[index], rates[index], now: now)
            let outcome = table.take(keys[index], rates[index], now: now)
            guard outcome == expected else {
                Issue.record("seed \(seed): \(outcome) instead of \(expected)")
                return
            }
        }
    }

    @Test("under a flood of keys no busy client gets its tokens back, and newcomers share what is left")
    func flood() throws {
        let table = BucketTable(buckets: 64)
        let rate = try rate(1, burst: 2)
        let busy: UInt64 = 0xABCD_EF01_2345_6789
        #expect(table.take(busy, rate, now: 0) == .taken)
        #expect(table.take(busy, rate, now: 0) == .taken)
        var random = SplitMix(state: 1)
        var granted = 0
        for _ in 0..<100_000 where table.take(random.next(), rate, now: 0) == .taken { granted += 1 }
        #expect(table.take(busy, rate, now: 0) != .taken)
        // Each bucket of the table once by its first newcomer, and each group's shared one to its end.
        #expect(granted <= 64 + 64 + 8 * 2)
        #expect(table.take(random.next(), rate, now: 10 * Self.second) == .taken)
    }

    @Test("of many threads together no key gets more than its rate and its burst", arguments: 0..<4)
    func threads(run: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        let table = BucketTable(buckets: 64)
        let rate = try rate(1000, burst: 50)
        let steps: UInt64 = 20_000
        let keys: [UInt64] = (1...12).map { $0 &* 8 }
        let granted = Granted(count: keys.count)
        // Between them the threads ask for far more than there is, and take each other's full buckets.
        let clock = Atomic<UInt64>(0)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            var random = SplitMix(state: seed &+ UInt64(thread))
            for _ in 0..<steps {
                let now = clock.add(Self.second / (4 * steps), ordering: .relaxed).newValue
                let index = Int.random(in: 0..<keys.count, using: &random)
                if table.take(keys[index], rate, now: now) == .taken { granted.add(index) }
            }
        }
        // Keys of one group: eight have buckets, four share one; none has more than its own.
        for index in keys.indices { #expect(granted.count(index) <= 1000 + 50, "seed \(seed)") }
    }
}

/// Counts of several threads.
private final class Granted: Sendable {
    private let counts: Mutex<[Int]>

    init(count: Int) { counts = Mutex(Array(repeating: 0, count: count)) }

    func add(_ index: Int) { counts.withLock { $0[index] += 1 } }

    func count(_ index: Int) -> Int { counts.withLock { $0[index] } }
}
