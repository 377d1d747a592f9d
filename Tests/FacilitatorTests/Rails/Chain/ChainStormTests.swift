import EVM
import Ledger
import Primitives
import Synchronization
import Testing
import X402

@testable import Facilitator

/// Many payments on a chain whose nodes fail, lag, lose and reorganise at random.
@Suite("A storm on a chain", .timeLimit(.minutes(3)))
struct ChainStormTests {
    @Test(
        "whatever goes wrong, what is settled has moved, what is released has not and never will, and nothing moves twice",
        arguments: 0..<40 as Range<UInt64>)
    func storm(seed: UInt64) async throws {
        let storm = Storm(seed: seed)
        let bench = ChainBench(clock: ChainClock(horizon: .seconds(1_000_000)), minesWhileAsleep: false) {
            $0.keys.append(ChainBench.key(0x42))
            $0.settleTimeout = .seconds(12)
            // Deeper than this storm reorganises.
            $0.assets[0].confirmations = [ConfirmationStep(from: .zero, depth: 4)]
        }
        bench.fake.changeWorld { $0.balances[ChainBench.key(0x42).address] = UInt256(highToLow: 0, 0, 1, 0) }
        let (fake, clock) = (bench.fake, bench.clock)
        clock.onSleep { storm.strike(fake) }

        var orders: [SettleOrder] = []
        for number in 1...8 as ClosedRange<UInt8> {
            let validity = Int64(60 + storm.below(120))
            let payment = bench.payment(by: bench.payer(number), validFor: validity)
            orders.append(try await bench.claim(payment))
        }
        storm.begin()
        let singles = orders.prefix(4)
        let together = Array(orders.suffix(4))
        let outcomes = await withTaskGroup(of: [(PaymentIdentity, SettleOutcome)].self) {
            group -> [PaymentIdentity: SettleOutcome] in
            for order in singles { group.addTask { [(order.identity, await bench.rail.settle(order))] } }
            group.addTask { Array(zip(together.map(\.identity), await bench.rail.settle(all: together))) }
            return await group.reduce(into: [:]) { all, some in for (key, value) in some { all[key] = value } }
        }
        for order in orders {
            try await Self.write(outcomes[order.identity] ?? .unknown(transaction: nil), order, bench)
        }

        // The worker's passes; then calm weather until all time is over.
        for pass in 0..<200 {
            if pass == 20 { storm.end() }
            for identity in await bench.rail.disproved() {
                let order = try #require(orders.first { $0.identity == identity })
                guard try await bench.record(order).state.value == .settled else { continue }
                try await bench.apply(.uncertain(transaction: nil), order)
            }
            var isOpen = false
            for order in orders {
                let record = try await bench.record(order)
                guard record.state.value == .uncertain else { continue }
                isOpen = true
                try await Self.write(await bench.rail.reconcile(record), order, bench)
            }
            storm.strike(fake)
            if pass > 20, !isOpen { break }
        }
        storm.end()
        fake.lag(by: 0)
        fake.mine(200)
        try await Self.check(orders, bench)
    }

    /// What the ledger makes of an outcome before anything was served.
    private static func write(_ outcome: SettleOutcome, _ order: SettleOrder, _ bench: ChainBench) async throws {
        let state = try await bench.record(order).state.value
        switch outcome {
        case .settled(let transaction, _):
            try await bench.apply(.settled(transaction: transaction, forwardingUntil: nil), order)
        case .refused(let reason, _): try await bench.apply(.released(reason: reason.rawValue), order)
        case .unknown(let transaction): try await bench.apply(.uncertain(transaction: transaction), order)
        case .unavailable where state == .settling: try await bench.apply(.released(reason: "unavailable"), order)
        case .unavailable: break
        }
    }

    private static func check(_ orders: [SettleOrder], _ bench: ChainBench) async throws {
        let used = bench.fake.world.tokens[FakeChain.tokenAddress]?.used ?? []
        var settled: UInt64 = 0
        for order in orders {
            guard case .transfer(let transfer) = order.payment.payload else { continue }
            let hasMoved = used.contains(FakeToken.Authorization(payer: transfer.from, nonce: transfer.nonce))
            let record = try await bench.record(order)
            switch record.state.value {
            case .settled:
                settled += 1
                #expect(hasMoved)
            case .released: #expect(!hasMoved, "released: \(record.reason ?? "-")")
            default: Issue.record("left \(record.state.value.word)")
            }
        }
        #expect(bench.received == UInt256(settled * 10_000))
    }
}

/// Weather from a seed.
private final class Storm: Sendable {
    private struct State {
        var generator: UInt64
        var isOn = false
        var salt = 0
    }

    private let state: Mutex<State>

    init(seed: UInt64) {
        state = Mutex(State(generator: seed &* 0x9E37_79B9_7F4A_7C15 | 1))
    }

    func begin() { state.withLock { $0.isOn = true } }
    func end() { state.withLock { $0.isOn = false } }

    /// A number below a bound (xorshift64*).
    func below(_ bound: UInt64) -> UInt64 {
        state.withLock { state in
            state.generator ^= state.generator >> 12
            state.generator ^= state.generator << 25
            state.generator ^= state.generator >> 27
            return (state.generator &* 0x2545_F491_4F6C_DD1D) >> 33 % bound
        }
    }

    /// A moment passes.
    func strike(_ fake: FakeChain) {
        guard state.withLock({ $0.isOn }) else {
            fake.with { $0.faults = [] }
            fake.lag(by: 0)
            fake.with { $0.baseFee = UInt256(1_000_000) }
            fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.isPaused = false }
            fake.mine()
            return
        }
        switch below(23) {
        // A longer chain takes the place of the last blocks.
        case 0:
            fake.reorganise(depth: 1 + Int(below(2)))
            fake.mine(3)
        case 1:
            fake.reorganise(depth: 1, dropping: Set(fake.with { $0.blocks.last?.transactions.map(\.hash) ?? [] }))
            fake.mine(2)
        case 2: if let one = fake.pooled.first { fake.drop(one.hash) }
        case 3: fake.with { [self] in $0.baseFee = UInt256(500_000 + below(20_000_000)) }
        case 4: fake.lag(by: Int(below(3)))
        case 5...9: fake.inject(fault(), into: "*")
        case 10...12: fake.inject(sendingFault(), into: "eth_sendRawTransaction")
        case 13: fake.inject(.say(.null), into: "eth_getTransactionReceipt", times: Int(below(5)))
        // A paused token refuses in words that no one knows.
        case 14...16:
            let isPaused = below(2) == 0
            fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.isPaused = isPaused }
        default: fake.mine()
        }
    }

    private func fault() -> FakeChain.Fault {
        switch below(4) {
        case 0: .refuse(RPCRefusal(code: -32000, message: "header not found"))
        case 1: .fail(ChainError(.unavailable, "down"))
        default: .behind(1 + Int(below(3)))
        }
    }

    private func sendingFault() -> FakeChain.Fault {
        switch below(4) {
        case 0: .loseAnswer
        case 1: .fail(ChainError(.timeout, mayHaveActed: true, "silence"))
        case 2: .refuseAfter(RPCRefusal(code: -32000, message: "?", mayHaveActed: true))
        default: .fail(ChainError(.unavailable, "down"))
        }
    }
}
