import EVM
import Primitives
import Synchronization
import Testing
import X402

@testable import Facilitator

@Suite("The desk of a signer", .timeLimit(.minutes(1)))
struct SignerDeskTests {
    let fake = FakeChain.withToken()
    let clock = ChainClock()

    @Test("calls at the same time get one nonce each, and all are mined")
    func concurrency() async {
        let bench = DeskBench(fake, clock)
        clock.run(for: .seconds(3_600))
        let ends = await withTaskGroup(of: FlightEnd.self) { group in
            for index in 0..<20 as Range<UInt8> {
                group.addTask { await bench.perform(index, timeout: .seconds(3_600)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(ends.filter(\.isSuccess).count == 20)
        #expect(Set(ends.compactMap(\.transaction)).count == 20)
        #expect(bench.mined.map(\.fields.nonce) == Array(0..<20))
        #expect(Set(bench.mined.map(\.fields.data)).count == 20)
        #expect(bench.booked == 20)
    }

    @Test("what is written down before the sending is what is sent; what cannot be written down is not sent")
    func note() async {
        let bench = DeskBench(fake, clock)
        let refused = await bench.desk.perform(
            bench.call(1), fees: bench.fees, depth: 1, timeout: .seconds(20), note: { _ in false })
        #expect(refused.isNotSent)
        #expect(bench.notes.isEmpty)
        #expect(fake.pooled.isEmpty)
        let end = await bench.perform(2)
        #expect(end.transaction == bench.notes.first)
        // The nonce that was not used is used now: there is no gap.
        #expect(bench.mined.map(\.fields.nonce) == [0])
    }

    @Test("a nonce that is not used below others is used up on nothing")
    func gap() async {
        let bench = DeskBench(fake, clock)
        let gate = Gate()
        fake.inject(.holdAndFail(gate, ChainError(.unavailable, "no")), into: "eth_sendRawTransaction")
        clock.run(for: .seconds(1))
        async let first = bench.perform(1)
        await gate.arrival()
        async let second = bench.perform(2)
        await bench.until { clock.isParked }
        gate.open()
        #expect(await first.isNotSent)
        clock.run(for: .seconds(20))
        #expect(await second.isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[], [2]])
        #expect(bench.mined.first?.fields.to == FakeChain.signer.address)
    }

    @Test("what an earlier process left in the pool does not hold up what comes after it")
    func inherited() async throws {
        let bench = DeskBench(fake, clock)
        fake.with { $0.baseFee = UInt256(20_000_000) }
        let stuck = FakeChain.transaction(nonce: 0, to: .zero, data: [9])
        _ = try await Chain(fake).send(stuck.raw)
        #expect(await bench.perform(1, timeout: .seconds(50)).isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[], [1]])
    }

    @Test("what an earlier process left in the pool and is mined is left alone")
    func inheritedAndMined() async throws {
        let bench = DeskBench(fake, clock)
        let earlier = FakeChain.transaction(nonce: 0, to: .zero, data: [9])
        _ = try await Chain(fake).send(earlier.raw)
        #expect(await bench.perform(1).isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[9], [1]])
        await bench.until { await bench.desk.load == 0 }
        #expect(bench.booked == 1)
    }

    @Test("a transaction that is not mined is sent again with higher fees, under the same nonce")
    func bump() async {
        let bench = DeskBench(fake, clock)
        fake.with { $0.baseFee = UInt256(20_000_000) }
        let end = await bench.perform(1, timeout: .seconds(40))
        #expect(end.isSuccess)
        #expect(bench.notes.count == 2)
        #expect(end.transaction == bench.notes.last)
        #expect(bench.mined.map(\.fields.nonce) == [0])
        #expect(clock.now >= bench.settings.timing.bumpAfter)
        #expect(bench.booked == 1)
    }

    @Test("fees are never raised above the limit")
    func limit() async {
        let bench = DeskBench(fake, clock) { $0.fees.maxFeePerGas = UInt256(4_000_000) }
        fake.with { $0.baseFee = UInt256(20_000_000) }
        clock.run(for: .seconds(200))
        let end = await bench.perform(1, timeout: .seconds(100))
        #expect(end == .pending(bench.notes.last ?? .zero))
        #expect(fake.pooled.count == 1)
        #expect(fake.pooled.allSatisfy { $0.fields.maxFee <= UInt256(4_000_000) })
    }

    @Test("a nonce that another process used is left to it")
    func nonceTooLow() async throws {
        let bench = DeskBench(fake, clock)
        #expect(await bench.perform(1).isSuccess)
        _ = try await Chain(fake).send(FakeChain.transaction(nonce: 1, to: .zero, data: [9]).raw)
        fake.mine()
        #expect(await bench.perform(2).isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[1], [9], [2]])
    }

    @Test("a nonce under which another process waits is left to it")
    func underpriced() async throws {
        let bench = DeskBench(fake, clock)
        #expect(await bench.perform(1).isSuccess)
        _ = try await Chain(fake).send(FakeChain.transaction(nonce: 1, to: .zero, data: [9]).raw)
        #expect(await bench.perform(2).isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[1], [9], [2]])
    }

    @Test("a signer without funds is passed over for a while")
    func noFunds() async {
        let bench = DeskBench(fake, clock)
        fake.changeWorld { $0.balances[FakeChain.signer.address] = UInt256(1) }
        #expect(await bench.perform(1).isNotSent)
        #expect(await bench.desk.load == nil)
        #expect(await bench.desk.isBroke)
        clock.advance(by: SignerDesk.noFundsPause)
        #expect(await bench.desk.load == 0)
        fake.changeWorld { $0.balances[FakeChain.signer.address] = UInt256(highToLow: 0, 0, 1, 0) }
        #expect(await bench.perform(2).isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[2]])
    }

    @Test(
        "a call without an answer is watched as sent, whether or not the node took it",
        arguments: [
            FakeChain.Fault.loseAnswer, .fail(ChainError(.timeout, mayHaveActed: true, "silence")),
            .refuseAfter(RPCRefusal(code: -32000, message: "?", mayHaveActed: true)),
            .say(.string("0x" + String(repeating: "1", count: 64))),
        ])
    func ambiguous(fault: FakeChain.Fault) async {
        let bench = DeskBench(fake, clock)
        fake.inject(fault, into: "eth_sendRawTransaction")
        #expect(await bench.perform(1, timeout: .seconds(40)).isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[1]])
    }

    @Test(
        "a call that certainly did not leave is not sent, and nothing is in the pool",
        arguments: [
            FakeChain.Fault.fail(ChainError(.unavailable, "down")),
            .refuse(RPCRefusal(code: -32000, message: "transaction underpriced")),
            .refuse(RPCRefusal(code: -32000, message: "txpool is full")),
        ])
    func notSent(fault: FakeChain.Fault) async {
        let bench = DeskBench(fake, clock)
        fake.inject(fault, into: "eth_sendRawTransaction")
        #expect(await bench.perform(1).isNotSent)
        #expect(await bench.desk.load == 0)
        #expect(fake.pooled.isEmpty)
        #expect(await bench.perform(2).isSuccess)
        #expect(bench.mined.map(\.fields.nonce) == [0])
    }

    @Test("a transaction whose place another took is displaced, from that block on")
    func replaced() async throws {
        let bench = DeskBench(fake, clock)
        clock.onSleep {}
        clock.run(for: .seconds(1))
        async let end = bench.perform(1)
        await bench.until { clock.isParked }
        let other = FakeChain.transaction(nonce: 0, to: .zero, data: [9], tip: 90_000_000, maxFee: 900_000_000)
        _ = try await Chain(fake).send(other.raw)
        fake.mine()
        clock.run(for: .seconds(10))
        #expect(await end.isDisplaced)
        #expect(bench.mined.map(\.fields.data) == [[9]])
    }

    @Test("after its end a call is replaced by nothing, and its nonce is used up")
    func expiry() async {
        let bench = DeskBench(fake, clock)
        clock.onSleep {
            fake.advance(seconds: 1)
            if fake.pooled.contains(where: \.fields.data.isEmpty) { fake.mine() }
        }
        let end = await bench.perform(1, timeout: .seconds(50), expires: fake.time.adding(seconds: 10))
        #expect(end.isDisplaced)
        #expect(bench.mined.map(\.fields.data) == [[]])
        #expect(bench.mined.map(\.fields.nonce) == [0])
    }

    @Test("a call that was mined although it was to be replaced by nothing is looked at on the chain")
    func minedAfterExpiry() async throws {
        let bench = DeskBench(fake, clock)
        clock.onSleep {
            guard fake.pooled.contains(where: \.fields.data.isEmpty) else { return }
            let first = bench.signed(bench.call(1), nonce: 0)
            fake.with { $0.pool[first.from] = [0: first] }
            fake.mine()
        }
        let end = await bench.perform(1, timeout: .seconds(50), expires: fake.time.adding(seconds: -1))
        #expect(end.isDisplaced)
        #expect(bench.mined.map(\.hash) == Array(bench.notes.prefix(1)))
    }

    @Test("a call that is not mined in time is told as pending, watched on, and booked when it is mined")
    func deadline() async throws {
        let bench = DeskBench(fake, clock)
        clock.onSleep {}
        clock.run(for: .milliseconds(5_700))
        let end = await bench.perform(1, timeout: .seconds(5))
        let hash = try #require(bench.notes.last)
        #expect(end == .pending(hash))
        #expect(clock.now >= .seconds(5) && clock.now <= .seconds(7))
        #expect(await bench.desk.pending(nonceOf: hash) == hash)
        await bench.until { clock.isParked }
        fake.mine()
        await clock.run(for: .seconds(10)) { await bench.desk.load == 0 }
        #expect(await bench.desk.pending(nonceOf: hash) == nil)
        #expect(bench.booked == 1)
    }

    @Test("the newest transaction under a nonce is told for any of them")
    func newest() async throws {
        let bench = DeskBench(fake, clock)
        clock.onSleep {}
        clock.run(for: .seconds(21))
        let end = await bench.perform(1, timeout: .seconds(20))
        #expect(bench.notes.count == 2)
        let (first, second) = (try #require(bench.notes.first), try #require(bench.notes.last))
        #expect(end == .pending(second))
        #expect(await bench.desk.pending(nonceOf: first) == second)
        #expect(await bench.desk.pending(nonceOf: second) == second)
    }

    @Test("a call is told when it lies as deep as was asked for", arguments: [1, 2, 5] as [UInt64])
    func depth(depth: UInt64) async {
        let bench = DeskBench(fake, clock)
        let end = await bench.perform(1, depth: depth)
        guard case .mined(let receipt) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(fake.head.number - receipt.blockNumber + 1 == depth)
    }

    @Test("what is being sent for the first time is not sent again beside it")
    func firstSending() async {
        let bench = DeskBench(fake, clock)
        clock.onSleep {}
        clock.run(for: .milliseconds(100))
        async let neighbour = bench.perform(0)
        await bench.until { clock.isParked }
        // The neighbour is mined, and the next nonce is stuck on its way to a node that will not take it.
        let gate = Gate()
        fake.inject(.holdAndFail(gate, ChainError(.unavailable, "down")), into: "eth_sendRawTransaction")
        async let end = bench.perform(1, timeout: .seconds(60))
        await gate.arrival()
        async let later = bench.perform(2, timeout: .seconds(60))
        await bench.until { fake.pooled.contains { $0.fields.data == [2] } }
        fake.mine()
        clock.run(for: .seconds(30))
        await bench.until { clock.isParked }
        #expect(await neighbour.isSuccess)
        gate.open()
        #expect(await end.isNotSent)
        clock.onSleep { fake.mine() }
        clock.run(for: .seconds(60))
        #expect(await later.isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[0], [], [2]])
    }

    @Test("a gap that a reorganisation tore is closed")
    func reorganisedGap() async throws {
        let bench = DeskBench(fake, clock)
        let first = await bench.perform(1)
        fake.reorganise(depth: Int(fake.head.number), dropping: [try #require(first.transaction)])
        fake.mine()
        #expect(fake.world.nonces[FakeChain.signer.address] == nil)
        #expect(await bench.perform(2, timeout: .seconds(40)).isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[], [2]])
    }

    @Test("a reorganisation while a call waits for its depth starts the count again")
    func reorganisationWhileWaiting() async {
        let bench = DeskBench(fake, clock)
        let sleeps = Mutex(0)
        clock.onSleep {
            let count = sleeps.withLock { sleeps in
                sleeps += 1
                return sleeps
            }
            if count == 3 { fake.reorganise(depth: 2) }
            fake.mine()
        }
        let end = await bench.perform(1, depth: 4)
        #expect(end.isSuccess)
        #expect(bench.mined.map(\.fields.data) == [[1]])
        guard case .mined(let receipt) = end else { return }
        #expect(fake.with { $0.blocks[Int(receipt.blockNumber)].head.hash } == receipt.blockHash)
    }
}

/// A desk on the fake chain.
struct DeskBench: Sendable {
    let fake: FakeChain
    let desk: SignerDesk
    let settings: ChainSettings
    private let kept = Mutexes()

    private final class Mutexes: Sendable {
        let notes = Mutex<[Bytes32]>([])
        let booked = Mutex(0)
    }

    init(_ fake: FakeChain, _ clock: ChainClock, _ change: (inout ChainSettings) -> Void = { _ in }) {
        var settings = ChainBench.settings(fake)
        change(&settings)
        self.settings = settings
        self.fake = fake
        let kept = kept
        desk = SignerDesk(
            key: FakeChain.signer, chain: Chain(fake), settings: settings, clock: clock.clock, now: { fake.time },
            onMined: { _ in kept.booked.withLock { $0 += 1 } })
        clock.onSleep { fake.mine() }
    }

    /// What the chain took at first: three million wei at most.
    let fees = GasFees(maxFee: UInt256(3_000_000), tip: UInt256(1_000_000))

    func call(_ number: UInt8) -> ContractCall { ContractCall(to: .zero, data: [number], gasLimit: 30_000) }

    func perform(
        _ number: UInt8, depth: UInt64 = 1, timeout: Duration = .seconds(20), expires: UnixTime? = nil
    ) async -> FlightEnd {
        var call = call(number)
        call.expires = expires
        return await desk.perform(call, fees: fees, depth: depth, timeout: timeout, note: { note($0) })
    }

    func note(_ hash: Bytes32) -> Bool {
        kept.notes.withLock { $0.append(hash) }
        return true
    }

    /// The transactions that were written down before they were sent.
    var notes: [Bytes32] { kept.notes.withLock { $0 } }
    /// How many mined transactions were booked.
    var booked: Int { kept.booked.withLock { $0 } }
    /// The signer's transactions in blocks.
    var mined: [RawTransaction] {
        fake.with { state in state.blocks.flatMap { $0.transactions.filter { $0.from == FakeChain.signer.address } } }
    }

    /// The transaction of a call as the desk signs it at first.
    func signed(_ call: ContractCall, nonce: UInt64) -> RawTransaction {
        let signed = FeeMarketTransaction(
            chainID: settings.chainID, nonce: nonce, maxPriorityFee: fees.tip, maxFee: fees.maxFee,
            gasLimit: call.gasLimit, to: call.to, data: call.data
        ).signed(by: FakeChain.signer)
        guard let raw = RawTransaction(signed.raw) else { preconditionFailure("a transaction of ours") }
        return raw
    }

    func until(_ isSo: @Sendable () async -> Bool) async {
        while !(await isSo()) { await Task.yield() }
    }
}

extension FlightEnd {
    var transaction: Bytes32? {
        guard case .mined(let receipt) = self else { return nil }
        return receipt.transaction
    }
    var isSuccess: Bool {
        guard case .mined(let receipt) = self else { return false }
        return receipt.succeeded
    }
    var isNotSent: Bool {
        guard case .notSent = self else { return false }
        return true
    }
    var isDisplaced: Bool {
        guard case .displaced = self else { return false }
        return true
    }
}
