import EVM
import Ledger
import Primitives
import Testing
import X402

@testable import Facilitator

@Suite("Payments over Permit2 on a chain")
struct ChainPermitTests {
    /// A rail of both schemes on a chain with Permit2, and an offer under one of them.
    private func bench(_ scheme: String, minesWhileAsleep: Bool = true) -> ChainBench {
        let fake = FakeChain.withToken()
        fake.changeWorld {
            $0.permits = FakePermits()
            $0.permits?.allowances[TestPayer().key.address] = .max
        }
        var bench = ChainBench(fake: fake, minesWhileAsleep: minesWhileAsleep, schemes: ["exact", "upto"])
        bench.offer = bench.offer.overPermit2(facilitator: scheme == "upto" ? FakeChain.signer.address : nil)
        return bench
    }

    private func payment(
        _ bench: ChainBench, nonce: UInt64 = 1, _ change: (inout SignedPermit) -> Void = { _ in }
    ) -> Payment {
        let deadline = UInt64(bench.fake.time.seconds) + 100
        let facilitator = bench.offer.scheme == "upto" ? FakeChain.signer.address : nil
        return .v2(
            .permit(
                TestPayer().permit(
                    bench.offer, nonce: nonce, deadline: deadline, facilitator: facilitator, change: change)),
            for: bench.offer)
    }

    private func verify(_ payment: Payment, _ bench: ChainBench) async throws -> VerifyOutcome {
        try await bench.rail.verify(payment, for: bench.offer, now: bench.fake.time)
    }

    private let payer = TestPayer().key.address

    @Test("are verified in one exchange, of seven calls at first", arguments: ["exact", "upto"])
    func verified(scheme: String) async throws {
        let bench = bench(scheme)
        guard case .valid(let verified) = try await verify(payment(bench), bench) else {
            Issue.record("not valid")
            return
        }
        #expect(verified.payer == payer.checksummed && verified.balance == UInt256(1_000_000))
        #expect(bench.fake.exchanges.map(\.count) == [7])
        _ = try await verify(payment(bench, nonce: 2), bench)
        #expect(bench.fake.exchanges.map(\.count) == [7, 4])
    }

    @Test("are refused with the reason that the chain has", arguments: ["exact", "upto"])
    func refused(scheme: String) async throws {
        let isUpto = scheme == "upto"
        let cases: [(ReasonCode, (inout FakeWorld) -> Void)] = [
            (.permitAllowanceRequired, { $0.permits?.allowances = [:] }),
            (
                isUpto ? .permitInsufficientBalance : .insufficientBalance,
                { $0.tokens[FakeChain.tokenAddress]?.balances = [:] }
            ),
            (.permitNonceUsed, { $0.permits?.used = [FakePermits.Nonce(owner: payer, number: UInt256(1))] }),
            (.permitProxyNotDeployed, { $0.permits?.hasProxies = false }),
            (.assetNotDeployed, { $0.tokens = [:] }),
        ]
        for (reason, change) in cases {
            let bench = bench(scheme)
            bench.fake.changeWorld(change)
            #expect(
                try await verify(payment(bench), bench) == .invalid(reason, payer: payer.checksummed), "\(reason)")
        }
    }

    @Test("of a contract wallet are judged by the wallet", arguments: ["exact", "upto"])
    func wallets(scheme: String) async throws {
        let bench = bench(scheme)
        let payment = payment(bench)
        guard case .permit(var permit) = payment.payload else { return }
        permit.signature = .bytes([UInt8](repeating: 7, count: 97))
        let wallet = Payment.v2(.permit(permit), for: bench.offer)
        #expect(try await verify(wallet, bench) == .invalid(.permitSignature, payer: payer.checksummed))
        bench.fake.changeWorld { $0.contracts[payer] = .wallet(accepting: permit.signature.bytes) }
        guard case .valid = try await verify(wallet, bench) else {
            Issue.record("the wallet accepts it")
            return
        }
    }

    @Test("of a wallet that is not there yet are refused: it has approved nothing")
    func undeployed() async throws {
        let bench = bench("exact")
        let signature = UndeployedSignature(factory: FakeChain.tokenAddress, factoryCallData: [1], signature: [2]).bytes
        guard case .permit(var permit) = payment(bench).payload else { return }
        permit.signature = .bytes(signature)
        let outcome = try await verify(Payment.v2(.permit(permit), for: bench.offer), bench)
        #expect(
            outcome == .invalid(.walletFactoryNotAllowed, payer: payer.checksummed)
                || outcome == .invalid(.permitAllowanceRequired, payer: payer.checksummed))
    }

    @Test("move what is signed for, or what is charged of it", arguments: ["exact", "upto"])
    func settled(scheme: String) async throws {
        let bench = bench(scheme)
        var order = try await bench.claim(payment(bench))
        if scheme == "upto" { order.amount = UInt256(400) }
        guard case .settled(let transaction, _) = await bench.rail.settle(order) else {
            Issue.record("not settled")
            return
        }
        #expect(bench.received == order.amount)
        let sent = try #require(bench.sent().last)
        #expect(sent.hash.hex == transaction)
        #expect(sent.fields.to == (scheme == "upto" ? Permit2.uptoProxy : Permit2.exactProxy))
    }

    @Test("never move more than was agreed to, nor another amount under exact")
    func amounts() async throws {
        for (scheme, amount) in [("exact", 9_999), ("exact", 10_001), ("upto", 10_001), ("upto", 0)]
            as [(String, UInt64)]
        {
            let bench = bench(scheme)
            var order = try await bench.claim(payment(bench))
            order.amount = UInt256(amount)
            #expect(await bench.rail.settle(order) == .refused(.uptoExceedsAmount, message: nil))
            #expect(bench.sent().isEmpty)
        }
    }

    @Test("are found by their permit when the answer of the node is lost", arguments: ["exact", "upto"])
    func reconciled(scheme: String) async throws {
        let bench = bench(scheme)
        // Alike in all but the nonce: it must not be taken for the other.
        let other = try await bench.claim(payment(bench, nonce: 7))
        guard case .settled(let first, _) = await bench.rail.settle(other) else { return }
        let order = try await bench.uncertain(payment(bench, nonce: 8))
        guard case .settled(let second, _) = await bench.rail.reconcile(try await bench.record(order)) else {
            Issue.record("not settled anew")
            return
        }
        #expect(first != second)
        bench.fake.resetExchanges()
        guard case .settled(let again, _) = await bench.rail.reconcile(try await bench.record(order)) else {
            Issue.record("not found")
            return
        }
        #expect(again == second)
        #expect(bench.received == UInt256(20_000))
    }

    @Test("that their payer took back are let go of", arguments: ["exact", "upto"])
    func invalidated(scheme: String) async throws {
        let bench = bench(scheme)
        let order = try await bench.uncertain(payment(bench, nonce: 3))
        var call = ABIWriter(function: "invalidateUnorderedNonces(uint256,uint256)")
        call.append(UInt256(0))
        call.append(UInt256(8))
        bench.fake.changeWorld { $0.balances[payer] = UInt256(highToLow: 0, 0, 1, 0) }
        let signed = FakeChain.transaction(nonce: 0, to: Permit2.address, data: call.bytes, key: TestPayer().key)
        _ = try await Chain(bench.fake).send(signed.raw)
        bench.fake.mine()
        #expect(
            await bench.rail.reconcile(try await bench.record(order)) == .refused(.permitNonceUsed, message: nil))
    }

    @Test(
        "whose nonce went elsewhere are let go of once their time is over, and not before",
        arguments: ["exact", "upto"])
    func usedElsewhere(scheme: String) async throws {
        let bench = bench(scheme)
        let order = try await bench.uncertain(payment(bench))
        bench.fake.changeWorld { _ = $0.permits?.used.insert(FakePermits.Nonce(owner: payer, number: UInt256(1))) }
        bench.fake.mine()
        #expect(await bench.rail.reconcile(try await bench.record(order)) == .unknown(transaction: nil))
        bench.fake.advance(seconds: 300)
        bench.fake.mine()
        #expect(
            await bench.rail.reconcile(try await bench.record(order)) == .refused(.permitNonceUsed, message: nil))
    }

    @Test("settle for what was charged after a restart too")
    func charged() async throws {
        let bench = bench("upto")
        let order = try await bench.claim(payment(bench), timing: .after)
        try await bench.apply(.charged(amount: UInt256(250)), order)
        try await bench.apply(.settle, order)
        try await bench.apply(.uncertain(transaction: nil), order)
        guard case .settled = await bench.rail.reconcile(try await bench.record(order)) else {
            Issue.record("not settled")
            return
        }
        #expect(bench.received == UInt256(250))
    }

    @Test("agree with the chain in an audit, and no others do", arguments: ["exact", "upto"])
    func audits(scheme: String) async throws {
        let bench = bench(scheme)
        let order = try await bench.claim(payment(bench))
        guard case .settled(let transaction, _) = await bench.rail.settle(order) else { return }
        try await bench.apply(.settled(transaction: transaction, forwardingUntil: nil), order)
        var record = try await bench.record(order)
        #expect(try await bench.rail.audit(record) == .agrees)
        record.charge = UInt256(1)
        #expect(try await bench.rail.audit(record) != .agrees)
    }

    @Test("go one by one from a batch")
    func batches() async throws {
        let bench = bench("exact")
        var orders: [SettleOrder] = []
        for nonce in UInt64(1)...3 {
            let order = try await bench.claim(payment(bench, nonce: nonce), timing: .batch)
            try await bench.apply(.owed, order)
            try await bench.apply(.settle, order)
            orders.append(order)
        }
        let outcomes = await bench.rail.settle(all: orders)
        #expect(outcomes.allSatisfy { if case .settled = $0 { true } else { false } })
        #expect(bench.sent().count == 3 && bench.received == UInt256(30_000))
    }

    @Test("need their contracts before the start")
    func missing() async throws {
        let bench = bench("upto")
        #expect(try await bench.rail.prepare().isEmpty)
        bench.fake.changeWorld { $0.permits?.hasProxies = false }
        await #expect(throws: RailError.self) { _ = try await bench.rail.prepare() }
    }
}
