import EVM
import Primitives
import Testing
import X402

@testable import Facilitator

@Suite("Judging with the chain's help")
struct ChainJudgeTests {
    let bench = ChainBench()
    var payer: String { TransferVector.usdc.payer.checksummed }

    private func verify(_ payment: Payment) async throws -> VerifyOutcome {
        try await bench.rail.verify(payment, for: bench.offer, now: bench.fake.time)
    }

    private var methods: [[String]] { bench.fake.exchanges }

    @Test("a usual payment takes one exchange of five calls, and of three once the code is known")
    func usual() async throws {
        guard case .valid(let verified) = try await verify(bench.payment(1)) else {
            Issue.record("a good payment")
            return
        }
        #expect(verified.balance == UInt256(1_000_000))
        #expect(verified.payer == payer)
        #expect(verified.identity == bench.rail.identity(of: bench.payment(1), for: bench.offer))
        #expect(methods == [["eth_getCode", "eth_getCode", "eth_call", "eth_call", "eth_call"]])
        bench.fake.resetExchanges()
        guard case .valid = try await verify(bench.payment(2)) else { return }
        #expect(methods == [["eth_call", "eth_call", "eth_call"]])
    }

    @Test("what the chain has against a payment has the code of the official SDK")
    func refusals() async throws {
        let token = FakeChain.tokenAddress
        let payment = bench.payment()
        guard case .transfer(let transfer) = payment.payload else { return }
        let table: [(ReasonCode, @Sendable (inout FakeWorld) -> Void)] = [
            (
                .nonceAlreadyUsed,
                {
                    $0.tokens[token]?.used.insert(
                        FakeToken.Authorization(payer: transfer.from, nonce: transfer.nonce))
                }
            ),
            (.insufficientBalance, { $0.tokens[token]?.balances = [:] }),
            (.simulationFailed, { $0.tokens[token]?.isPaused = true }),
            (.simulationFailed, { $0.tokens[token]?.blocked = [transfer.to] }),
            (.assetNotDeployed, { $0.tokens = [:] }),
            (
                .transferAuthorizationNotSupported,
                {
                    $0.tokens = [:]
                    $0.contracts[token] = FakeContract { _, _, _ in .reverted([]) }
                }
            ),
            // Nobody answers at all.
            (
                .transferAuthorizationNotSupported,
                {
                    $0.tokens = [:]
                    $0.contracts[token] = FakeContract { _, _, _ in .returned([]) }
                }
            ),
        ]
        for (reason, change) in table {
            let bench = ChainBench()
            bench.fake.changeWorld(change)
            let outcome = try await bench.rail.verify(payment, for: bench.offer, now: bench.fake.time)
            #expect(outcome == .invalid(reason, payer: payer))
            #expect(bench.fake.exchanges.count == 1)
        }
    }

    @Test("what needs no chain is refused without asking one")
    func local() async throws {
        let offer = bench.offer
        let now = UInt64(bench.fake.time.seconds)
        let payer = TestPayer()
        let table: [(ReasonCode, Payment)] = [
            (.recipientMismatch, .v2(payer.sign(offer, validBefore: now + 100, to: .zero), for: offer)),
            (.valueMismatch, .v2(payer.sign(offer, validBefore: now + 100, value: UInt256(9_999)), for: offer)),
            (.validBefore, .v2(payer.sign(offer, validBefore: now + 5), for: offer)),
            (.validAfter, .v2(payer.sign(offer, validAfter: now, validBefore: now + 100), for: offer)),
            (.signature, bench.payment(signedWith: [], by: payer.key.address)),
        ]
        for (reason, payment) in table {
            #expect(try await verify(payment) == .invalid(reason, payer: self.payer))
        }
        #expect(methods.isEmpty)
    }

    @Test("a token that the operator did not name gets no gas, and is not asked")
    func strangeToken() async throws {
        var offer = bench.offer
        offer.asset = .address(.zero)
        let payment = Payment.v2(
            TestPayer().sign(offer, validBefore: UInt64(bench.fake.time.seconds) + 100), for: offer)
        let outcome = try await bench.rail.verify(payment, for: offer, now: bench.fake.time)
        #expect(outcome == .invalid(.noAssetInformation, payer: payer))
        #expect(methods.isEmpty)
    }

    @Test("a chain that cannot be asked gives no verdict")
    func down() async throws {
        bench.fake.inject(.fail(ChainError(.timeout, "silence")), into: "*")
        await #expect(throws: RailError(.timeout, adapter: "chain", "silence")) { try await verify(bench.payment()) }
        bench.fake.inject(.refuse(RPCRefusal(code: -32000, message: "header not found")), into: "eth_call")
        await #expect(throws: RailError.self) { try await verify(bench.payment()) }
        bench.fake.inject(.say(.string("0x12")), into: "eth_getCode")
        bench.fake.inject(.say(.string("zz")), into: "eth_call")
        await #expect(throws: RailError.self) { try await verify(bench.payment()) }
    }

    // MARK: Signatures

    private let stranger = ChainBench.stranger.address

    /// A payer whose address a contract may have.
    private func fund(_ address: Address) {
        bench.fake.changeWorld { $0.tokens[FakeChain.tokenAddress]?.balances[address] = UInt256(1_000_000) }
    }

    @Test("a strange key's signature takes one exchange at first, and none while the payer is known to have no code")
    func strangeKey() async throws {
        guard case .transfer(let transfer) = bench.payment().payload else { return }
        let payment = bench.payment(signedWith: transfer.signature.bytes, by: stranger)
        #expect(try await verify(payment) == .invalid(.signature, payer: stranger.checksummed))
        #expect(methods == [["eth_getCode"]])
        var keys = PublicKeyCache(capacity: 2)
        let verdict = bench.rail.verifyLocally(payment, for: bench.offer, now: bench.fake.time, keys: &keys)
        #expect(verdict == .decided(.invalid(.signature, payer: stranger.checksummed)))
        bench.clock.advance(by: CodeCache.payerLifetime)
        #expect(
            bench.rail.verifyLocally(payment, for: bench.offer, now: bench.fake.time, keys: &keys) == .needsNetwork)
    }

    @Test("a contract's signature takes two exchanges, and is the contract's to judge", arguments: [true, false])
    func contract(accepts: Bool) async throws {
        let signature = [UInt8](repeating: 7, count: 70)
        fund(stranger)
        bench.fake.changeWorld { $0.contracts[stranger] = .wallet(accepting: accepts ? signature : [1]) }
        let outcome = try await verify(bench.payment(signedWith: signature, by: stranger))
        #expect(methods.count == 2)
        if accepts {
            guard case .valid = outcome else {
                Issue.record("\(outcome)")
                return
            }
        } else {
            #expect(outcome == .invalid(.signature, payer: stranger.checksummed))
        }
    }

    @Test("a payer without code whose signature is no key's is an undeployed wallet")
    func undeployed() async throws {
        let payment = bench.payment(signedWith: [UInt8](repeating: 7, count: 70), by: stranger)
        #expect(try await verify(payment) == .invalid(.undeployedSmartWallet, payer: stranger.checksummed))
        #expect(methods == [["eth_getCode"]])
    }

    @Test("an account with delegated code is judged by that code, not by its key", arguments: [true, false])
    func delegated(accepts: Bool) async throws {
        let payment = bench.payment()
        guard case .transfer(let transfer) = payment.payload else { return }
        bench.fake.changeWorld {
            $0.contracts[transfer.from] = .wallet(accepting: accepts ? transfer.signature.bytes : [1])
        }
        let outcome = try await verify(payment)
        #expect(methods.count == 1)
        if accepts {
            guard case .valid = outcome else {
                Issue.record("\(outcome)")
                return
            }
        } else {
            #expect(outcome == .invalid(.signature, payer: payer))
        }
    }

    @Test(
        "a compact signature is the key's where there is no code, and the contract's where there is",
        arguments: [true, false])
    func compact(hasCode: Bool) async throws {
        let payment = bench.payment()
        guard case .transfer(let transfer) = payment.payload, case .rsv(let r, let s, let v) = transfer.signature
        else { return }
        var compact = r.bytes + s.bytes
        if v == 28 { compact[32] |= 0x80 }
        if hasCode { bench.fake.changeWorld { [compact] in $0.contracts[transfer.from] = .wallet(accepting: compact) } }
        guard case .valid = try await verify(bench.payment(signedWith: compact, by: transfer.from)) else {
            Issue.record("a good signature")
            return
        }
        #expect(methods.count == 2)
        let order = try await bench.claim(bench.payment(signedWith: compact, by: transfer.from))
        guard case .settled = await bench.rail.settle(order) else {
            Issue.record("what is verified is settled")
            return
        }
    }

    /// A factory that puts a wallet at an address, for some gas.
    private func factory(for wallet: Address, accepting signature: [UInt8], gas: UInt64 = 100_000) -> FakeContract {
        FakeContract { world, _, _ in
            world.contracts[wallet] = .wallet(accepting: signature)
            return .returned([], gas: gas)
        }
    }

    private static let factoryAddress = ChainBench.key(0x66).address

    @Test("a wallet that is still to be created needs a factory that the operator allows", arguments: [true, false])
    func factories(allowed: Bool) async throws {
        let bench = ChainBench { if allowed { $0.walletFactories = [Self.factoryAddress] } }
        let inner = [UInt8](repeating: 7, count: 65)
        bench.fake.changeWorld { world in
            world.tokens[FakeChain.tokenAddress]?.balances[stranger] = UInt256(1_000_000)
            world.contracts[Self.factoryAddress] = factory(for: stranger, accepting: inner)
        }
        let wrapped = UndeployedSignature(factory: Self.factoryAddress, factoryCallData: [1], signature: inner).bytes
        let payment = bench.payment(signedWith: wrapped, by: stranger)
        let outcome = try await bench.rail.verify(payment, for: bench.offer, now: bench.fake.time)
        guard allowed else {
            #expect(outcome == .invalid(.walletFactoryNotAllowed, payer: stranger.checksummed))
            #expect(bench.fake.exchanges == [["eth_getCode"]])
            return
        }
        guard case .valid = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(bench.fake.exchanges.count == 2)
        guard case .settled = await bench.rail.settle(try await bench.claim(payment)) else {
            Issue.record("created and settled in one transaction")
            return
        }
        #expect(bench.fake.world.contracts[stranger] != nil)
        #expect(bench.received == bench.offer.amount)
    }

    @Test("a factory that takes too much gas is refused")
    func expensiveFactory() async throws {
        let bench = ChainBench { $0.walletFactories = [Self.factoryAddress] }
        let inner = [UInt8](repeating: 7, count: 65)
        bench.fake.changeWorld { world in
            world.tokens[FakeChain.tokenAddress]?.balances[stranger] = UInt256(1_000_000)
            world.contracts[Self.factoryAddress] = factory(
                for: stranger, accepting: inner, gas: ChainJudge.trialGas)
        }
        let wrapped = UndeployedSignature(factory: Self.factoryAddress, factoryCallData: [1], signature: inner).bytes
        let outcome = try await bench.rail.verify(
            bench.payment(signedWith: wrapped, by: stranger), for: bench.offer, now: bench.fake.time)
        #expect(outcome == .invalid(.simulationFailed, payer: stranger.checksummed))
    }

    @Test("a wrapped signature of a wallet that stands is unwrapped, whatever its factory")
    func standing() async throws {
        let inner = [UInt8](repeating: 7, count: 65)
        fund(stranger)
        bench.fake.changeWorld { $0.contracts[stranger] = .wallet(accepting: inner) }
        let wrapped = UndeployedSignature(factory: Self.factoryAddress, factoryCallData: [1], signature: inner).bytes
        guard case .valid = try await verify(bench.payment(signedWith: wrapped, by: stranger)) else {
            Issue.record("the wallet accepts it")
            return
        }
        let malformed = Array(wrapped.dropFirst(32))
        #expect(
            try await verify(bench.payment(signedWith: malformed, by: stranger))
                == .invalid(.failedToVerifySignature, payer: stranger.checksummed))
    }
}

@Suite("What is known of code at addresses")
struct CodeCacheTests {
    private func address(_ number: UInt64) -> Address {
        UInt256(number).bigEndianBytes.suffix(20).withUnsafeBytes({ Address($0) })
    }

    @Test("it is believed until its time is over")
    func lifetime() {
        let cache = CodeCache()
        cache.remember(address(1), hasCode: true, until: .seconds(10))
        cache.remember(address(2), hasCode: false, until: .seconds(10))
        #expect(cache.hasCode(address(1), now: .seconds(9)) == true)
        #expect(cache.hasCode(address(2), now: .seconds(9)) == false)
        #expect(cache.hasCode(address(1), now: .seconds(10)) == nil)
        #expect(cache.hasCode(address(3), now: .zero) == nil)
    }

    @Test("what is learnt later counts")
    func newer() {
        let cache = CodeCache()
        cache.remember(address(1), hasCode: false, until: .seconds(10))
        cache.remember(address(1), hasCode: true, until: .seconds(20))
        #expect(cache.hasCode(address(1), now: .seconds(15)) == true)
    }

    @Test("it is bounded, and forgets the older half and not all")
    func bounded() {
        let cache = CodeCache()
        let count = UInt64(CodeCache.capacity)
        for number in 0..<count * 2 { cache.remember(address(number), hasCode: true, until: .seconds(10)) }
        let kept = (0..<count * 2).filter { cache.hasCode(address($0), now: .zero) != nil }
        #expect(kept.count <= CodeCache.capacity)
        #expect(kept.count >= CodeCache.capacity / 2)
        #expect(kept.last == count * 2 - 1)
    }
}
