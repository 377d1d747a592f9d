import EVM
import Ledger
import Primitives
import Synchronization
import Testing
import X402

@testable import Facilitator

@Suite("Settling on a chain", .timeLimit(.minutes(1)))
struct ChainRailSettleTests {
    @Test("a payment is settled by one transaction of ours, and named by it")
    func settles() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let outcome = await bench.rail.settle(order)
        let sent = try #require(bench.sent().first)
        #expect(outcome == .settled(transaction: sent.hash.hex, payer: nil))
        #expect(try await bench.record(order).transaction == sent.hash.hex)
        #expect(bench.received == bench.offer.amount)
        #expect(bench.sent().count == 1)
    }

    @Test("a settlement takes six exchanges at first, and four while nonce and fees are known")
    func exchanges() async throws {
        let bench = ChainBench()
        let first = try await bench.claim(bench.payment(1))
        _ = await bench.rail.settle(first)
        #expect(bench.fake.exchanges.count == 6)
        bench.fake.resetExchanges()
        let second = try await bench.claim(bench.payment(2))
        _ = await bench.rail.settle(second)
        #expect(bench.fake.exchanges.count == 4)
        #expect(bench.fake.exchanges.joined().filter { $0 == "eth_sendRawTransaction" }.count == 1)
    }

    @Test("the transaction is written down before it is sent")
    func noteFirst() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let gate = Gate()
        bench.fake.inject(.hold(gate), into: "eth_sendRawTransaction")
        async let outcome = bench.rail.settle(order)
        await gate.arrival()
        let written = try #require(try await bench.record(order).transaction)
        gate.open()
        #expect(await outcome == .settled(transaction: written, payer: nil))
    }

    @Test("a ledger that cannot write the transaction down keeps it from being sent")
    func noLedger() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let rail = ChainRail(
            AdapterScope(id: "chain", networks: []), settings: bench.settings, chain: Chain(bench.fake),
            ledger: ThrowingLedger(), clock: bench.clock.clock, now: { bench.fake.time })
        guard case .unavailable = await rail.settle(order) else {
            Issue.record("nothing may be sent")
            return
        }
        #expect(bench.fake.pooled.isEmpty)
    }

    // MARK: Others are faster

    @Test("a payment that a stranger settles first is settled, and nothing of ours is sent")
    func frontRun() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let theirs = try await bench.front(order.payment)
        bench.fake.mine()
        #expect(await bench.rail.settle(order) == .settled(transaction: theirs.hex, payer: nil))
        #expect(bench.sent().isEmpty)
    }

    @Test("a payment that a stranger settles in the same block is settled once, by the stranger's transaction")
    func raced() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        guard case .transfer(let transfer) = order.payment.payload else { return }
        let theirs = FakeChain.transaction(
            nonce: 0, data: FakeChain.callData(transfer), tip: 90_000_000, maxFee: 900_000_000, key: ChainBench.stranger
        )
        let fake = bench.fake
        fake.changeWorld { $0.balances[ChainBench.stranger.address] = UInt256(highToLow: 0, 0, 1, 0) }
        fake.inject(
            .meanwhile { _ = fake.answer(to: RPCRequest("eth_sendRawTransaction", [.data(theirs.raw)])) },
            into: "eth_sendRawTransaction")
        #expect(await bench.rail.settle(order) == .settled(transaction: theirs.hash.hex, payer: nil))
        #expect(bench.received == bench.offer.amount)
        #expect(bench.sent().count == 1)
    }

    @Test("a payment that a signer of another ledger settled was sold there, and is refused here")
    func knownSettler() async throws {
        let bench = ChainBench { $0.knownSettlers = [ChainBench.stranger.address] }
        let order = try await bench.claim(bench.payment())
        try await bench.front(order.payment)
        bench.fake.mine()
        #expect(await bench.rail.settle(order) == .refused(.nonceAlreadyUsed, message: nil))
    }

    @Test("a payment that was moved while it ran out of time is settled, not refused")
    func movedAndLate() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment(validFor: 20), timing: .after)
        try await bench.apply(.settle, order)
        let theirs = try await bench.front(order.payment)
        bench.fake.mine()
        bench.fake.advance(seconds: 16)
        #expect(await bench.rail.settle(order) == .settled(transaction: theirs.hex, payer: nil))
    }

    @Test("a payment that came too late and has not moved is refused, and nothing is sent")
    func late() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment(validFor: 20))
        bench.fake.advance(seconds: 16)
        #expect(await bench.rail.settle(order) == .refused(.validBefore, message: nil))
        #expect(bench.fake.pooled.isEmpty)
    }

    // MARK: Failures

    @Test("a token that moves nothing and says nothing has settled nothing")
    func silentToken() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        bench.fake.changeWorld { $0.replaceToken(isUsed: false) }
        #expect(await bench.rail.settle(order) == .refused(.transferEventMismatch, message: nil))
        #expect(bench.sent().count == 1)
    }

    @Test("a token that says used and has no event to show leaves the fate unknown")
    func usedWithoutEvent() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        bench.fake.changeWorld { $0.replaceToken(isUsed: true) }
        #expect(await bench.rail.settle(order) == .unknown(transaction: nil))
    }

    @Test("a payer who spends the money before the block is refused once the block shows it")
    func reverted() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let fake = bench.fake
        fake.inject(
            .meanwhile { fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances = [:] } },
            into: "eth_sendRawTransaction")
        #expect(await bench.rail.settle(order) == .refused(.transactionFailed, message: nil))
        #expect(bench.sent().count == 1)
    }

    @Test("a trial that fails is no proof where the node that says unused is older")
    func trialFromAnotherNode() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        try await bench.front(order.payment)
        bench.fake.mine()
        let fake = bench.fake
        // In a word that is not known: the token is paused beside.
        fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.isPaused = true }
        fake.inject(.meanwhile { fake.lag(by: 1) }, into: "eth_call")
        #expect(await bench.rail.settle(order) == .unknown(transaction: nil))
    }

    @Test("a transaction whose receipts come late is not given up on the word of a node that is behind")
    func displacedByLag() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let fake = bench.fake
        // The nonce is used and no node gives the receipt; then a node that is behind says that nothing happened.
        fake.inject(.say(.null), into: "eth_getTransactionReceipt", times: 4)
        fake.inject(.meanwhile {}, into: "eth_call")
        fake.inject(.meanwhile { fake.lag(by: Int(fake.head.number)) }, into: "eth_call")
        let outcome = await bench.rail.settle(order)
        fake.lag(by: 0)
        guard case .unknown = outcome else {
            #expect(outcome == .settled(transaction: try #require(bench.sent().first).hash.hex, payer: nil))
            return
        }
    }

    @Test("a transaction that another of the same key took the place of has moved nothing, and may be tried again")
    func displaced() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let other = FakeChain.transaction(nonce: 0, to: .zero, data: [9], tip: 90_000_000, maxFee: 900_000_000)
        let fake = bench.fake
        let isFirst = Once()
        bench.clock.onSleep {
            if isFirst() {
                _ = fake.answer(to: RPCRequest("eth_sendRawTransaction", [.data(other.raw)]))
            }
            fake.mine()
        }
        guard case .unavailable = await bench.rail.settle(order) else {
            Issue.record("nothing moved")
            return
        }
        #expect(bench.received == .zero)
        #expect(fake.pooled.isEmpty)
    }

    @Test("a transaction that the pool drops is sent again under its nonce")
    func dropped() async throws {
        let bench = ChainBench()
        let order = try await bench.claim(bench.payment())
        let fake = bench.fake
        let isFirst = Once()
        bench.clock.onSleep {
            if isFirst() { fake.pooled.forEach { fake.drop($0.hash) } }
            fake.mine()
        }
        let outcome = await bench.rail.settle(order)
        let sent = try #require(bench.sent().first)
        #expect(outcome == .settled(transaction: sent.hash.hex, payer: nil))
        #expect(sent.fields.nonce == 0)
        #expect(try await bench.record(order).transaction == sent.hash.hex)
    }

    // MARK: Depth

    @Test("a payment counts as settled at the depth that its amount asks for", arguments: [1, 3, 6] as [UInt64])
    func depth(depth: UInt64) async throws {
        let bench = ChainBench { settings in
            settings.assets[0].confirmations = [
                ConfirmationStep(from: .zero, depth: 1),
                ConfirmationStep(from: TransferVector.usdc.offer.amount, depth: depth),
            ]
        }
        let order = try await bench.claim(bench.payment())
        guard case .settled = await bench.rail.settle(order) else {
            Issue.record("not settled")
            return
        }
        #expect(bench.fake.head.number == depth)
    }

    @Test("a payment that is mined and not deep enough in time is pending, and settled later")
    func shallow() async throws {
        let bench = ChainBench(minesWhileAsleep: false) { settings in
            settings.settleTimeout = .seconds(5)
            settings.assets[0].confirmations = [ConfirmationStep(from: .zero, depth: 3)]
        }
        bench.clock.run(for: .milliseconds(5_700))
        let order = try await bench.claim(bench.payment())
        bench.fake.with { $0.minesAtOnce = true }
        let outcome = await bench.rail.settle(order)
        let sent = try #require(bench.sent().first)
        #expect(outcome == .unknown(transaction: sent.hash.hex))
        try await bench.apply(.uncertain(transaction: sent.hash.hex), order)
        #expect(await bench.rail.reconcile(try await bench.record(order)) == .unknown(transaction: sent.hash.hex))
        bench.fake.mine(2)
        bench.clock.onSleep {}
        await bench.clock.run(for: .seconds(3)) { await bench.rail.pool.pending(sent.hash) == nil }
        #expect(
            await bench.rail.reconcile(try await bench.record(order))
                == .settled(transaction: sent.hash.hex, payer: nil))
        #expect(bench.sent().count == 1)
    }

    // MARK: Gas

    @Test("a payment that its gas would eat up is refused before anything is sent")
    func gasGuard() async throws {
        // 0.01 dollars against 81 340 gas of two million wei each, at a dollar for 10^13 wei.
        let bench = ChainBench { $0.assets[0].unitsPerEther = 1_000_000 * 100_000 }
        let order = try await bench.claim(bench.payment())
        #expect(await bench.rail.settle(order) == .refused(.notWorthItsGas, message: nil))
        #expect(bench.fake.pooled.isEmpty)
        let cheaper = ChainBench { $0.assets[0].unitsPerEther = 1_000_000 * 10_000 }
        guard case .settled = await cheaper.rail.settle(try await cheaper.claim(cheaper.payment())) else {
            Issue.record("it pays its gas")
            return
        }
    }

    @Test("a payment below the floor is refused at verification", arguments: [9_999, 10_000, 10_001] as [UInt64])
    func floor(floor: UInt64) async throws {
        let bench = ChainBench { $0.assets[0].floor = UInt256(floor) }
        let outcome = try await bench.rail.verify(bench.payment(), for: bench.offer, now: bench.fake.time)
        guard case .valid = outcome else {
            #expect(floor > 10_000)
            #expect(outcome == .invalid(.notWorthItsGas, payer: TransferVector.usdc.payer.checksummed))
            return
        }
        #expect(floor <= 10_000)
    }

    @Test("a spent gas budget keeps payments from being sent, until the hour is over")
    func budget() async throws {
        // Room for one: 97 609 gas of three million wei at most are reserved, and 81 340 of two million spent.
        let bench = ChainBench { $0.gasBudget = UInt256(300_000_000_000) }
        guard case .settled = await bench.rail.settle(try await bench.claim(bench.payment(1))) else {
            Issue.record("the first fits")
            return
        }
        let second = try await bench.claim(bench.payment(2))
        guard case .unavailable(let error) = await bench.rail.settle(second) else {
            Issue.record("the second does not fit")
            return
        }
        #expect(error.code == .refusedByPolicy)
        #expect(error.adapter == "chain")
        #expect(bench.sent().count == 1)
        bench.fake.advance(seconds: 3_600)
        bench.clock.advance(by: .seconds(10))
        guard case .settled = await bench.rail.settle(try await bench.claim(bench.payment(3))) else {
            Issue.record("a new hour")
            return
        }
    }

    @Test("gas above the limit sends nothing")
    func expensive() async throws {
        let bench = ChainBench { $0.fees.maxFeePerGas = UInt256(1_500_000) }
        guard case .unavailable(let error) = await bench.rail.settle(try await bench.claim(bench.payment())) else {
            Issue.record("too expensive")
            return
        }
        #expect(error.code == .refusedByPolicy)
        #expect(bench.fake.pooled.isEmpty)
    }
}

extension FakeWorld {
    /// Puts a contract in the token's place that takes every transfer, moves nothing and says nothing.
    fileprivate mutating func replaceToken(isUsed: Bool) {
        tokens[FakeChain.tokenAddress] = nil
        contracts[FakeChain.tokenAddress] = FakeContract { _, data, _ in
            .returned(UInt256(data.starts(with: [0xE9, 0x4A, 0x01, 0x02]) && isUsed ? 1 : 0).bigEndianBytes)
        }
    }
}
