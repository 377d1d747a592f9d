import EVM
import Ledger
import Primitives
import Testing
import X402

@testable import Facilitator

@Suite("Settling many payments in one transaction", .timeLimit(.minutes(1)))
struct ChainRailBatchTests {
    /// Owed payments of several payers.
    private func orders(_ bench: ChainBench, _ count: UInt8, validFor seconds: Int64 = 100) async throws
        -> [SettleOrder]
    {
        var orders: [SettleOrder] = []
        for number in 1...count {
            let payment = bench.payment(by: bench.payer(number), validFor: seconds)
            let order = try await bench.claim(payment, timing: .batch)
            try await bench.apply(.owed, order)
            try await bench.apply(.settle, order)
            orders.append(order)
        }
        return orders
    }

    @Test("several payments go in one transaction, which is written to each before it is sent")
    func together() async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 5)
        let outcomes = await bench.rail.settle(all: orders)
        let sent = try #require(bench.sent().first)
        #expect(bench.sent().count == 1)
        #expect(sent.fields.to == Multicall3.address)
        #expect(outcomes == Array(repeating: .settled(transaction: sent.hash.hex, payer: nil), count: 5))
        for order in orders { #expect(try await bench.record(order).transaction == sent.hash.hex) }
        #expect(bench.received == UInt256(50_000))
    }

    @Test("a batch of one is a single")
    func single() async throws {
        let bench = ChainBench()
        let outcomes = await bench.rail.settle(all: try await orders(bench, 1))
        #expect(outcomes.count == 1)
        #expect(bench.sent().map(\.fields.to) == [FakeChain.tokenAddress])
        #expect(await bench.rail.settle(all: []).isEmpty)
    }

    @Test("one that fails does not sink the others, and is told why")
    func oneFails() async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 4)
        bench.fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances[ChainBench.key(2).address] = .zero }
        let outcomes = await bench.rail.settle(all: orders)
        #expect(outcomes[1] == .refused(.insufficientBalance, message: nil))
        #expect(outcomes.count { $0.isSettled } == 3)
        #expect(bench.received == UInt256(30_000))
        #expect(bench.sent().count == 1)
    }

    @Test("one that a stranger moves before the block is settled by the stranger's transaction, the others by ours")
    func oneIsFrontRun() async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 3)
        guard case .transfer(let transfer) = orders[2].payment.payload else { return }
        let fake = bench.fake
        fake.changeWorld { $0.balances[ChainBench.stranger.address] = UInt256(highToLow: 0, 0, 1, 0) }
        let theirs = FakeChain.transaction(
            nonce: 0, data: FakeChain.callData(transfer), tip: 90_000_000, maxFee: 900_000_000, key: ChainBench.stranger
        )
        fake.inject(
            .meanwhile { _ = fake.answer(to: RPCRequest("eth_sendRawTransaction", [.data(theirs.raw)])) },
            into: "eth_sendRawTransaction")
        let outcomes = await bench.rail.settle(all: orders)
        let ours = try #require(bench.sent().first).hash.hex
        #expect(
            outcomes == [
                .settled(transaction: ours, payer: nil), .settled(transaction: ours, payer: nil),
                .settled(transaction: theirs.hash.hex, payer: nil),
            ])
        #expect(bench.received == UInt256(30_000))
    }

    @Test("one whose money is gone at the block has not moved, and may be tried again")
    func oneIsUnmoved() async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 3)
        let fake = bench.fake
        fake.inject(
            .meanwhile {
                fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances[ChainBench.key(1).address] = .zero }
            }, into: "eth_sendRawTransaction")
        let outcomes = await bench.rail.settle(all: orders)
        guard case .unavailable = outcomes[0] else {
            Issue.record("\(outcomes[0])")
            return
        }
        #expect(outcomes.count { $0.isSettled } == 2)
    }

    @Test("a batch that is not mined in time leaves every fate unknown, and each is found later")
    func pending() async throws {
        let bench = ChainBench(minesWhileAsleep: false) { $0.settleTimeout = .seconds(2) }
        bench.clock.run(for: .seconds(3))
        let orders = try await orders(bench, 3)
        let outcomes = await bench.rail.settle(all: orders)
        let hash = try #require(bench.fake.pooled.first).hash.hex
        #expect(outcomes == Array(repeating: .unknown(transaction: hash), count: 3))
        for order in orders { try await bench.apply(.uncertain(transaction: hash), order) }
        bench.fake.mine()
        let next = ChainBench(fake: bench.fake, ledger: bench.ledger)
        for order in orders {
            #expect(
                await next.rail.reconcile(try await bench.record(order)) == .settled(transaction: hash, payer: nil))
        }
        #expect(bench.received == UInt256(30_000))
    }

    @Test("a batch whose sending no one answered is watched like a sent one", arguments: [true, false])
    func ambiguous(taken: Bool) async throws {
        let bench = ChainBench { $0.settleTimeout = .seconds(40) }
        let orders = try await orders(bench, 3)
        bench.fake.inject(
            taken ? .loseAnswer : .fail(ChainError(.timeout, mayHaveActed: true, "silence")),
            into: "eth_sendRawTransaction")
        let outcomes = await bench.rail.settle(all: orders)
        #expect(outcomes.count { $0.isSettled } == 3)
        #expect(bench.received == UInt256(30_000))
    }

    @Test("a batch that certainly was not sent has moved nothing")
    func notSent() async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 3)
        bench.fake.inject(.fail(ChainError(.unavailable, "down")), into: "eth_sendRawTransaction")
        for outcome in await bench.rail.settle(all: orders) {
            guard case .unavailable(let error) = outcome else {
                Issue.record("\(outcome)")
                continue
            }
            #expect(error.adapter == "chain")
        }
        #expect(bench.fake.pooled.isEmpty)
    }

    @Test("what is too late is over only by the chain's clock", arguments: [(40, false), (58, false), (62, true)])
    func late(after end: Int, isOver: Bool) async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 1, validFor: 20)
        bench.fake.advance(seconds: UInt64(18 + end))
        bench.fake.mine()
        let outcome = try #require(await bench.rail.settle(all: orders).first)
        if isOver {
            #expect(outcome == .refused(.validBefore, message: nil))
        } else if case .unavailable = outcome {
        } else {
            Issue.record("\(outcome)")
        }
        #expect(bench.fake.pooled.isEmpty)
    }

    @Test("what came too late and was moved by somebody is settled")
    func lateAndMoved() async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 2, validFor: 20)
        let theirs = try await bench.front(orders[0].payment)
        bench.fake.mine()
        bench.fake.advance(seconds: 100)
        bench.fake.mine()
        #expect(
            await bench.rail.settle(all: orders) == [
                .settled(transaction: theirs.hex, payer: nil), .refused(.validBefore, message: nil),
            ])
    }

    @Test(
        "payers with code do not share a transaction that gives them no limit of gas, however long ago they were asked")
    func walletsAlone() async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 3)
        guard case .transfer(let transfer) = orders[0].payment.payload else { return }
        bench.fake.changeWorld {
            $0.contracts[transfer.from] = .wallet(accepting: transfer.signature.bytes)
        }
        let outcomes = await bench.rail.settle(all: orders)
        #expect(outcomes.count { $0.isSettled } == 3)
        #expect(Set(bench.sent().map(\.fields.to)) == [FakeChain.tokenAddress, Multicall3.address])
        #expect(bench.sent().count == 2)
    }

    @Test("payments that go alone wait for their block side by side")
    func sideBySide() async throws {
        let bench = ChainBench(minesWhileAsleep: false)
        let orders = try await orders(bench, 8)
        bench.fake.changeWorld { world in
            for order in orders {
                guard case .transfer(let transfer) = order.payment.payload else { continue }
                world.contracts[transfer.from] = .wallet(accepting: transfer.signature.bytes)
            }
        }
        let fake = bench.fake
        bench.clock.onSleep { if fake.pooled.count == 8 { fake.mine() } }
        let outcomes = await bench.rail.settle(all: orders)
        #expect(outcomes.count { $0.isSettled } == 8)
        #expect(fake.head.number == 1)
    }

    @Test("where no contract settles many, each goes by itself")
    func noContract() async throws {
        let bench = ChainBench { $0.batchContract = ChainBench.key(0x44).address }
        let outcomes = await bench.rail.settle(all: try await orders(bench, 3))
        #expect(outcomes.count { $0.isSettled } == 3)
        #expect(bench.sent().map(\.fields.to) == Array(repeating: FakeChain.tokenAddress, count: 3))
    }

    @Test("a batch that would take too much gas is halved")
    func halves() async throws {
        let bench = ChainBench { $0.maxBatchGas = 400_000 }
        let outcomes = await bench.rail.settle(all: try await orders(bench, 6))
        #expect(outcomes.count { $0.isSettled } == 6)
        #expect(bench.sent().count == 2)
        #expect(bench.sent().allSatisfy { $0.fields.gasLimit <= 400_000 })
    }

    @Test("no transaction holds more payments than the file allows")
    func chunks() async throws {
        let bench = ChainBench { $0.maxBatch = 2 }
        let outcomes = await bench.rail.settle(all: try await orders(bench, 5))
        #expect(outcomes.count { $0.isSettled } == 5)
        #expect(bench.sent().count == 3)
    }

    @Test("a spent gas budget defers the batch, and what is too dear alone waits for others")
    func budget() async throws {
        let bench = ChainBench { $0.gasBudget = UInt256(1_000) }
        for outcome in await bench.rail.settle(all: try await orders(bench, 3)) {
            guard case .unavailable(let error) = outcome else {
                Issue.record("\(outcome)")
                continue
            }
            #expect(error.code == .refusedByPolicy)
        }
        let dear = ChainBench { $0.assets[0].unitsPerEther = 1_000_000 * 100_000 }
        guard case .unavailable? = await dear.rail.settle(all: try await orders(dear, 1)).first else {
            Issue.record("its payer did nothing wrong")
            return
        }
    }

    @Test("a trial by a node that is behind proves no failure")
    func trialApart() async throws {
        let bench = ChainBench()
        let orders = try await orders(bench, 2)
        try await bench.front(orders[0].payment)
        bench.fake.mine()
        let fake = bench.fake
        fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.isPaused = true }
        // The trial sees the block of the stranger's transaction; who tells the state does not.
        fake.inject(.meanwhile {}, into: "eth_call")
        fake.inject(.meanwhile { fake.lag(by: 1) }, into: "eth_call")
        let outcomes = await bench.rail.settle(all: orders)
        #expect(outcomes[0] == .unknown(transaction: nil))
    }
}

extension SettleOutcome {
    var isSettled: Bool {
        guard case .settled = self else { return false }
        return true
    }
}
