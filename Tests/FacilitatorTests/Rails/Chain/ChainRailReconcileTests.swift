import EVM
import Ledger
import Primitives
import Synchronization
import Testing
import X402

@testable import Facilitator

@Suite("Fates on a chain", .timeLimit(.minutes(1)))
struct ChainRailReconcileTests {
    /// A rail whose settlement was sent and is not mined, as a crash leaves it: the ledger knows, no process watches.
    private func crashed(
        validFor seconds: Int64 = 100
    ) async throws -> (bench: ChainBench, order: SettleOrder, transaction: Bytes32) {
        let first = ChainBench(minesWhileAsleep: false) { $0.settleTimeout = .seconds(2) }
        first.clock.run(for: .milliseconds(3_000))
        let order = try await first.claim(first.payment(validFor: seconds))
        guard case .unknown(let name?) = await first.rail.settle(order), let hash = Bytes32(hex: name) else {
            preconditionFailure("nothing is mined")
        }
        try await first.apply(.uncertain(transaction: name), order)
        return (ChainBench(fake: first.fake, ledger: first.ledger), order, hash)
    }

    @Test("a payment that was marked and never sent is sent after a crash")
    func neverSent() async throws {
        let bench = ChainBench()
        let order = try await bench.uncertain(bench.payment())
        let outcome = await bench.rail.reconcile(try await bench.record(order))
        #expect(outcome == .settled(transaction: try #require(bench.sent().first).hash.hex, payer: nil))
        #expect(bench.received == bench.offer.amount)
    }

    @Test("a payment that was mined after a crash is settled by its first transaction, and none is sent")
    func minedAfterCrash() async throws {
        let (bench, order, hash) = try await crashed()
        bench.fake.mine()
        bench.fake.resetExchanges()
        #expect(
            await bench.rail.reconcile(try await bench.record(order)) == .settled(transaction: hash.hex, payer: nil))
        #expect(!bench.fake.exchanges.joined().contains("eth_sendRawTransaction"))
    }

    @Test("a payment whose first transaction may still be mined moves once, whatever is sent again")
    func sentTwice() async throws {
        let (bench, order, _) = try await crashed()
        guard case .settled = await bench.rail.reconcile(try await bench.record(order)) else {
            Issue.record("one of the transactions is mined")
            return
        }
        bench.fake.mine(3)
        #expect(bench.received == bench.offer.amount)
    }

    @Test("a payment whose first transaction may still be mined is not released because a second trial fails")
    func notReleasedBesideThePool() async throws {
        let (bench, order, hash) = try await crashed()
        let funds = bench.fake.world.tokens[FakeChain.tokenAddress]?.balances ?? [:]
        bench.fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances = [:] }
        #expect(await bench.rail.reconcile(try await bench.record(order)) == .unknown(transaction: hash.hex))
        bench.fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances = funds }
        bench.fake.mine()
        #expect(
            await bench.rail.reconcile(try await bench.record(order)) == .settled(transaction: hash.hex, payer: nil))
    }

    @Test("a payment that was never sent is released when its trial fails")
    func releasedWhenNeverSent() async throws {
        let bench = ChainBench()
        let order = try await bench.uncertain(bench.payment())
        bench.fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances = [:] }
        #expect(
            await bench.rail.reconcile(try await bench.record(order)) == .refused(.insufficientBalance, message: nil))
    }

    @Test("only the chain's own clock, a minute past the end, proves that a payment has expired")
    func expiry() async throws {
        let (bench, order, hash) = try await crashed(validFor: 50)
        bench.fake.drop(hash)
        let end = try #require(try await bench.record(order).claim.validBefore)
        bench.clock.onSleep {}
        while bench.fake.head.timestamp < end.adding(seconds: 58) {
            // Our clock is ahead by an hour, and proves nothing.
            bench.fake.with { $0.now += 3_600 }
            #expect(await bench.rail.reconcile(try await bench.record(order)) == .unknown(transaction: hash.hex))
            bench.fake.with { $0.now -= 3_600 - 7 }
            bench.fake.mine()
        }
        while bench.fake.head.timestamp < end.adding(seconds: 60) { bench.fake.mine() }
        #expect(await bench.rail.reconcile(try await bench.record(order)) == .refused(.validBefore, message: nil))
        #expect(bench.sent().isEmpty)
    }

    @Test("a chain that cannot be asked leaves the fate unknown")
    func down() async throws {
        let (bench, order, hash) = try await crashed()
        bench.fake.inject(.fail(ChainError(.unavailable, "down")), into: "*", times: 100)
        #expect(await bench.rail.reconcile(try await bench.record(order)) == .unknown(transaction: hash.hex))
    }

    @Test("a record that cannot be read is nobody's to decide")
    func unreadable() async throws {
        let bench = ChainBench()
        let order = try await bench.uncertain(bench.payment(), transaction: "0x1")
        var record = try await bench.record(order)
        record.claim.settlement = nil
        #expect(await bench.rail.reconcile(record) == .unknown(transaction: "0x1"))
    }

    @Test("a payment whose settlement is under way is not settled a second time beside it")
    func underWay() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let gate = Gate()
        bench.fake.inject(.hold(gate), into: "eth_sendRawTransaction")
        async let settled = bench.rail.settle(order)
        await gate.arrival()
        var record = try await bench.record(order)
        record.transaction = nil
        #expect(await bench.rail.reconcile(record) == .unknown(transaction: nil))
        gate.open()
        guard case .settled = await settled else {
            Issue.record("not settled")
            return
        }
        #expect(bench.sent().count == 1)
    }

    @Test("what is owed is not sent by a look at its fate")
    func owed() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment(), timing: .batch)
        try await bench.apply(.owed, order)
        guard case .unavailable = await bench.rail.reconcile(try await bench.record(order)) else {
            Issue.record("it has not moved")
            return
        }
        #expect(bench.fake.pooled.isEmpty)
    }

    @Test("what was served and cannot be paid now is tried again, not written off")
    func servedAndPoor() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment(), timing: .after)
        try await bench.apply(.settle, order)
        try await bench.apply(.uncertain(transaction: nil), order)
        bench.fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances = [:] }
        guard case .unavailable = await bench.rail.reconcile(try await bench.record(order)) else {
            Issue.record("the payer may be funded yet")
            return
        }
    }

    @Test("a payment that failed, was let go of and moved all the same is known to have moved, and settles at once")
    func movedAfterRelease() async throws {
        let bench = ChainBench()
        let payment = bench.payment()
        let order = try await bench.claim(payment)
        let fake = bench.fake
        let token = FakeChain.tokenAddress
        let funds = fake.world.tokens[token]?.balances ?? [:]
        fake.inject(
            .meanwhile { fake.changeWorld { $0.tokens[token]?.balances = [:] } }, into: "eth_sendRawTransaction")
        #expect(await bench.rail.settle(order) == .refused(.transactionFailed, message: nil))
        try await bench.apply(.released(reason: "failed"), order)
        #expect(try await !bench.rail.hasMoved(payment, for: bench.offer))
        // The payer is funded again, and somebody sends what the chain has shown.
        fake.changeWorld { $0.tokens[token]?.balances = funds }
        let theirs = try await bench.front(payment)
        fake.mine()
        #expect(try await bench.rail.hasMoved(payment, for: bench.offer))
        let again = try await bench.claim(payment)
        #expect(await bench.rail.settle(again) == .settled(transaction: theirs.hex, payer: nil))
        let other = ChainBench(fake: fake) { $0.knownSettlers = [ChainBench.stranger.address] }
        #expect(try await !other.rail.hasMoved(payment, for: bench.offer))
        fake.inject(.fail(ChainError(.unavailable, "down")), into: "*")
        await #expect(throws: RailError.self) { try await bench.rail.hasMoved(payment, for: bench.offer) }
    }

    // MARK: Reorganisations

    @Test("a settlement that a reorganisation took back is told until it is made again")
    func reorganised() async throws {
        // The nonces that the reorganisation gave back are used up first, and that takes its time.
        let bench = ChainBench(clock: ChainClock(horizon: .seconds(200))) { $0.settleTimeout = .seconds(60) }
        let order = try await bench.claim(bench.payment())
        guard case .settled(let name, _) = await bench.rail.settle(order), let hash = Bytes32(hex: name) else {
            Issue.record("not settled")
            return
        }
        try await bench.apply(.settled(transaction: name, forwardingUntil: nil), order)
        #expect(await bench.rail.disproved().isEmpty)
        bench.fake.reorganise(depth: Int(bench.fake.head.number), dropping: [hash])
        bench.fake.mine(2)
        #expect(await bench.rail.disproved() == [order.identity])
        #expect(await bench.rail.disproved() == [order.identity])
        try await bench.apply(.uncertain(transaction: name), order)
        guard case .settled(let second, _) = await bench.rail.reconcile(try await bench.record(order)) else {
            Issue.record("it is made again")
            return
        }
        #expect(second != name)
        #expect(await bench.rail.disproved().isEmpty)
        #expect(bench.rail.recent.all.map(\.transaction.hex) == [second])
        #expect(bench.received == bench.offer.amount)
    }

    @Test("a settlement that another block took up again stands")
    func includedAgain() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        guard case .settled = await bench.rail.settle(order) else { return }
        bench.fake.reorganise(depth: Int(bench.fake.head.number))
        bench.fake.mine(2)
        #expect(await bench.rail.disproved().isEmpty)
    }

    @Test("a node that is behind takes no settlement back")
    func behind() async throws {
        let bench = ChainBench()
        bench.fake.mine(3)
        let order = try await bench.claim(bench.payment())
        guard case .settled = await bench.rail.settle(order) else { return }
        bench.fake.lag(by: 1)
        #expect(await bench.rail.disproved().isEmpty)
        bench.fake.lag(by: 0)
        #expect(await bench.rail.disproved().isEmpty)
    }

    @Test("a settlement from before the start is watched by its own nonce")
    func watched() async throws {
        let bench = ChainBench()
        let orders = [try await bench.claim(bench.payment(1)), try await bench.claim(bench.payment(2))]
        let outcomes = await bench.rail.settle(all: orders)
        guard case .settled(let name, _) = outcomes[0] else {
            Issue.record("not settled")
            return
        }
        #expect(outcomes[1] == outcomes[0])
        for order in orders { try await bench.apply(.settled(transaction: name, forwardingUntil: nil), order) }
        let next = ChainBench(fake: bench.fake, ledger: bench.ledger)
        for order in orders { await next.rail.watch(try await bench.record(order)) }
        #expect(Set(next.rail.recent.all.map(\.transfer.nonce)).count == 2)
    }

    @Test("a settlement that was lost while nobody watched is found after the start")
    func lostBeforeTheStart() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        guard case .settled(let name, _) = await bench.rail.settle(order), let hash = Bytes32(hex: name) else {
            Issue.record("not settled")
            return
        }
        try await bench.apply(.settled(transaction: name, forwardingUntil: nil), order)
        bench.fake.reorganise(depth: Int(bench.fake.head.number), dropping: [hash])
        bench.fake.mine(2)
        let next = ChainBench(fake: bench.fake, ledger: bench.ledger)
        await next.rail.watch(try await bench.record(order))
        #expect(await next.rail.disproved() == [order.identity])
    }

    @Test("what cannot be told now is watched on, however deep it should lie")
    func watchedUntilTold() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        guard case .settled(let name, _) = await bench.rail.settle(order), let hash = Bytes32(hex: name) else {
            Issue.record("not settled")
            return
        }
        bench.fake.reorganise(depth: Int(bench.fake.head.number), dropping: [hash])
        bench.fake.mine(Int(RecentSettlements.watchedBlocks) + 5)
        bench.fake.inject(.fail(ChainError(.unavailable, "gone")), into: "eth_call", times: 1)
        #expect(await bench.rail.disproved().isEmpty)
        #expect(await bench.rail.disproved() == [order.identity])
    }

    @Test("what lies deep is watched no longer")
    func forgotten() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        guard case .settled = await bench.rail.settle(order) else { return }
        bench.fake.mine(Int(RecentSettlements.watchedBlocks) - 1)
        _ = await bench.rail.disproved()
        #expect(bench.rail.recent.all.count == 1)
        bench.fake.mine(2)
        _ = await bench.rail.disproved()
        #expect(bench.rail.recent.all.isEmpty)
    }
}
