import EVM
import Ledger
import Primitives
import Testing
import X402

@testable import Facilitator

@Suite("A rail on a chain, at its start and in its books", .timeLimit(.minutes(1)))
struct ChainRailStartTests {
    @Test("a chain that is as the file says needs no words, and one exchange")
    func ready() async throws {
        let bench = ChainBench()
        #expect(try await bench.rail.prepare() == [])
        #expect(bench.fake.exchanges.count == 1)
    }

    @Test("a signer without funds is told, by its address")
    func noFunds() async throws {
        let bench = ChainBench { $0.keys.append(ChainBench.stranger) }
        let lines = try await bench.rail.prepare()
        #expect(lines.count == 1)
        #expect(lines[0].contains(ChainBench.stranger.address.checksummed))
    }

    @Test("nodes that cannot be asked are no reason not to start")
    func down() async throws {
        let bench = ChainBench()
        bench.fake.inject(.fail(ChainError(.unavailable, "down")), into: "*")
        #expect(try await bench.rail.prepare().count == 1)
    }

    @Test("what can never work is told before the start")
    func mistakes() async throws {
        let wrongChain = ChainBench { $0.chainID = 1 }
        await #expect(throws: RailError.self) { try await wrongChain.rail.prepare() }
        let noToken = ChainBench()
        noToken.fake.changeWorld { $0.tokens = [:] }
        await #expect(throws: RailError.self) { try await noToken.rail.prepare() }
        let otherName = ChainBench {
            $0.assets[0].domain = TypedDataDomain(
                name: "Another", version: "2", chainID: $0.chainID, verifyingContract: FakeChain.tokenAddress)
        }
        await #expect(throws: RailError.self) { try await otherName.rail.prepare() }
        let noContract = ChainBench { $0.batchContract = ChainBench.stranger.address }
        await #expect(throws: RailError.self) { try await noContract.rail.prepare() }
    }

    @Test("a settled payment agrees with its own transfer, and not with one that is alike")
    func audit() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment(1))
        guard case .settled(let name, _) = await bench.rail.settle(order) else { return }
        try await bench.apply(.settled(transaction: name, forwardingUntil: nil), order)
        var record = try await bench.record(order)
        #expect(try await bench.rail.audit(record) == .agrees)

        // The same payer paid the same again: that transaction is not this payment's.
        let second = try await bench.claim(bench.payment(2))
        guard case .settled(let other, _) = await bench.rail.settle(second) else { return }
        record.transaction = other
        guard case .differs = try await bench.rail.audit(record) else {
            Issue.record("another payment's transaction")
            return
        }
        for name in [nil, "0x1", "0x" + String(repeating: "1", count: 64)] {
            record.transaction = name
            guard case .differs = try await bench.rail.audit(record) else {
                Issue.record("no transaction of the chain")
                return
            }
        }
        bench.fake.inject(.fail(ChainError(.unavailable, "down")), into: "*")
        let asked = try await bench.record(order)
        await #expect(throws: RailError.self) { try await bench.rail.audit(asked) }
    }
}
