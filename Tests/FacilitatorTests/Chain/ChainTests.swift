import EVM
import Facilitator
import Primitives
import Testing
import X402

@Suite("A chain")
struct ChainTests {
    let fake = FakeChain.withToken()
    var chain: Chain { Chain(fake) }
    let vector = TransferVector.usdc

    /// The vector's payment on a chain whose clock lets it pass.
    private func settle(nonce: UInt64 = 0) -> SignedTransaction {
        fake.with { $0.now = UInt64(vector.now.seconds) }
        return FakeChain.transaction(nonce: nonce, data: FakeChain.callData(vector.transfer))
    }

    @Test("tells its id, its blocks, and what an account has")
    func accounts() async throws {
        fake.mine(3)
        #expect(try await chain.chainID() == vector.offer.network.chainID)
        let head = try await chain.head()
        #expect(head == fake.head)
        #expect(head.number == 3)
        #expect(try await chain.head(number: 1)?.hash == fake.with { $0.blocks[1].head.hash })
        #expect(try await chain.head(number: 4) == nil)
        #expect(try await chain.balance(of: FakeChain.signer.address) == UInt256(highToLow: 0, 0, 1, 0))
        #expect(try await chain.nonce(of: FakeChain.signer.address) == 0)
        #expect(try await chain.code(of: FakeChain.tokenAddress).isEmpty == false)
        #expect(try await chain.code(of: .zero).isEmpty)
    }

    @Test("several questions go in one exchange, and each gets its own answer")
    func grouping() async throws {
        let (head, balance, nonce, code) = try await chain.ask(
            ChainQuery.head(.latest), ChainQuery.balance(of: FakeChain.signer.address),
            ChainQuery.nonce(of: FakeChain.signer.address), ChainQuery.code(of: FakeChain.tokenAddress))
        #expect(head == fake.head)
        #expect(balance == UInt256(highToLow: 0, 0, 1, 0))
        #expect(nonce == 0)
        #expect(code == [0xFE])
        #expect(
            fake.exchanges == [["eth_getBlockByNumber", "eth_getBalance", "eth_getTransactionCount", "eth_getCode"]])
        fake.resetExchanges()
        let accounts = [FakeChain.signer.address, .zero]
        let (balances, isContract) = try await chain.ask(
            ChainQuery.all(accounts.map { ChainQuery.balance(of: $0) }),
            ChainQuery.code(of: .zero).map { (code) throws(ChainError) in !code.isEmpty })
        #expect(balances == [UInt256(highToLow: 0, 0, 1, 0), .zero])
        #expect(!isContract)
        #expect(fake.exchanges == [["eth_getBalance", "eth_getBalance", "eth_getCode"]])
    }

    @Test("a payment is sent, waits, is mined, and is found by its receipt and by its events")
    func payment() async throws {
        let signed = settle()
        #expect(try await chain.send(signed.raw) == .accepted(signed.hash))
        #expect(try await chain.receipt(signed.hash) == nil)
        let waiting = try #require(try await chain.transaction(signed.hash))
        #expect(waiting.blockNumber == nil)
        #expect(waiting.from == signed.from)
        #expect(waiting.input == FakeChain.callData(vector.transfer))
        #expect(try await chain.nonce(of: signed.from) == 0)
        #expect(try await chain.nonce(of: signed.from, at: .pending) == 1)

        fake.mine()
        let receipt = try #require(try await chain.receipt(signed.hash))
        #expect(receipt.succeeded)
        #expect(receipt.blockHash == fake.head.hash)
        #expect(receipt.cost == UInt256(FakeToken.transferGas * 2_000_000))
        let transfer = vector.transfer
        let expected: [TransferLog] = [
            .authorizationUsed(authorizer: transfer.from, nonce: transfer.nonce),
            .transfer(from: transfer.from, to: transfer.to, value: transfer.value),
        ]
        #expect(receipt.logs.compactMap(TransferLog.init) == expected)
        #expect(try await chain.transaction(signed.hash)?.blockNumber == 1)
        let logs = try await chain.logs(
            LogFilter(
                address: FakeChain.tokenAddress,
                topics: [[TransferLog.usedTopic], [Bytes32(transfer.from)], [transfer.nonce]], from: 0, to: 1))
        #expect(logs.map(\.transaction) == [signed.hash])
        let state = TokenCall.authorizationState(of: transfer.from, nonce: transfer.nonce)
        #expect(
            try await chain.call(CallRequest(to: FakeChain.tokenAddress, data: state))
                == .returned(UInt256(1).bigEndianBytes))
        #expect(
            try await chain.call(CallRequest(to: FakeChain.tokenAddress, data: state), at: .number(0))
                == .returned(UInt256(0).bigEndianBytes))
    }

    @Test("a call that reverts says why, and so does an estimate")
    func reverts() async throws {
        let signed = settle()
        let call = CallRequest(to: FakeChain.tokenAddress, data: FakeChain.callData(vector.transfer))
        #expect(try await chain.call(call) == .returned([]))
        #expect(try await chain.estimateGas(call) == .gas(FakeToken.transferGas))
        _ = try await chain.send(signed.raw)
        fake.mine()
        let used = RevertReason.message("FiatTokenV2: authorization is used or canceled")
        #expect(try await chain.call(call) == .reverted(used))
        #expect(try await chain.estimateGas(call) == .reverted(used))
        // Nothing stands here, and so nothing reverts.
        #expect(try await chain.call(CallRequest(to: .zero, data: call.data)) == .returned([]))
    }

    @Test("a reorganisation takes a receipt back, and the transaction waits again or is gone")
    func reorganisation() async throws {
        let signed = settle()
        _ = try await chain.send(signed.raw)
        fake.mine(3)
        let first = try #require(try await chain.receipt(signed.hash))
        fake.reorganise(depth: 3)
        #expect(try await chain.receipt(signed.hash) == nil)
        #expect(try await chain.transaction(signed.hash)?.blockNumber == nil)
        fake.mine()
        let second = try #require(try await chain.receipt(signed.hash))
        #expect(second.blockHash != first.blockHash)
        fake.reorganise(depth: 1, dropping: [signed.hash])
        fake.mine()
        #expect(try await chain.transaction(signed.hash) == nil)
    }

    @Test("a node that is behind knows of nothing, and says so only when asked at a block's number")
    func behind() async throws {
        let signed = settle()
        _ = try await chain.send(signed.raw)
        fake.mine()
        let head = try await chain.head()
        fake.lag(by: 1)
        #expect(try await chain.receipt(signed.hash) == nil)
        #expect(try await chain.transaction(signed.hash) == nil)
        let call = CallRequest(
            to: FakeChain.tokenAddress,
            data: TokenCall.authorizationState(of: vector.transfer.from, nonce: vector.transfer.nonce))
        #expect(try await chain.call(call) == .returned(UInt256(0).bigEndianBytes))
        await #expect(throws: ChainError.self) { try await chain.call(call, at: .number(head.number)) }
        fake.lag(by: 0)
        #expect(try await chain.call(call, at: .number(head.number)) == .returned(UInt256(1).bigEndianBytes))
    }

    @Test("what a pool has against a transaction is told apart")
    func pool() async throws {
        let signed = settle()
        #expect(try await chain.send(signed.raw) == .accepted(signed.hash))
        #expect(try await chain.send(signed.raw) == .alreadyKnown)
        let bumped = FakeChain.transaction(nonce: 0, data: [], tip: 1_050_000, maxFee: 10_500_000)
        #expect(try await chain.send(bumped.raw) == .replacementUnderpriced)
        let poor = try #require(PrivateKey(hex: String(repeating: "47", count: 32)))
        #expect(
            try await chain.send(FakeChain.transaction(nonce: 0, data: [], key: poor).raw) == .insufficientFunds)
        #expect(
            try await chain.send(FakeChain.transaction(nonce: 1, data: [], gasLimit: 20_000).raw)
                == .refused("intrinsic gas too low"))
        #expect(
            try await chain.send(FakeChain.transaction(nonce: 1, data: [], tip: 2, maxFee: 1).raw)
                == .refused("max priority fee per gas higher than max fee per gas"))
        fake.mine()
        #expect(try await chain.send(signed.raw) == .nonceTooLow)
        guard case .refused = try await chain.send([0xC0]) else {
            Issue.record("no transaction at all was taken")
            return
        }
    }

    @Test("fees come from the last blocks, or from older methods where there is no other")
    func fees() async throws {
        let fees = ChainFees(baseFee: UInt256(1_000_000), priorityFee: UInt256(1_000_000))
        #expect(try await chain.fees() == fees)
        #expect(fake.exchanges == [["eth_feeHistory", "eth_maxPriorityFeePerGas"]])
        let missing = RPCRefusal(code: -32601, message: "the method does not exist")
        fake.inject(.refuse(missing), into: "eth_maxPriorityFeePerGas")
        #expect(try await chain.fees() == fees)
        fake.inject(.refuse(missing), into: "eth_maxPriorityFeePerGas")
        fake.inject(.refuse(missing), into: "eth_feeHistory")
        fake.resetExchanges()
        #expect(try await chain.fees() == fees)
        #expect(fake.exchanges.last == ["eth_getBlockByNumber", "eth_gasPrice"])
    }

    @Test("events of a range that is too wide are asked for in parts, and come in order")
    func logRanges() async throws {
        fake.with { $0.maxLogRange = 4 }
        var hashes: [Bytes32] = []
        for index in 0..<10 {
            let transfer = TestPayer().sign(
                vector.offer, nonce: UInt64(index), validBefore: UInt64(Fixture.now.seconds) + 1000, value: UInt256(1))
            let signed = FakeChain.transaction(nonce: UInt64(index), data: FakeChain.callData(transfer))
            #expect(try await chain.send(signed.raw) == .accepted(signed.hash))
            fake.mine()
            hashes.append(signed.hash)
        }
        let filter = LogFilter(
            address: FakeChain.tokenAddress, topics: [[TransferLog.transferTopic]], from: 0, to: 10)
        #expect(try await chain.logs(filter).map(\.transaction) == hashes)
        #expect(fake.exchanges.filter { $0 == ["eth_getLogs"] }.count == 7)

        fake.with { $0.maxLogRange = 0 }
        await #expect(throws: ChainError(.unavailable, "the node does not give the events")) {
            try await chain.logs(filter)
        }
        fake.resetExchanges()
        var backwards = filter
        (backwards.from, backwards.to) = (5, 4)
        #expect(try await chain.logs(backwards).isEmpty)
        #expect(fake.exchanges.isEmpty)
    }

    @Test("an endless search for events ends")
    func endlessLogs() async throws {
        fake.with { $0.maxLogRange = 1 }
        fake.mine(200)
        let filter = LogFilter(address: FakeChain.tokenAddress, topics: [], from: 0, to: 200)
        await #expect(throws: ChainError.self) { try await chain.logs(filter) }
        #expect(fake.exchanges.count == Chain.maxLogExchanges)
    }

    @Test("Multicall3 answers several calls at one block")
    func multicall() async throws {
        let token = FakeChain.tokenAddress
        let calls = [
            Multicall3.Call(token, TokenCall.balance(of: vector.payer)), Multicall3.Call(token, [1, 2, 3, 4]),
            Multicall3.Call(token, TokenCall.version),
        ]
        for data in [Multicall3.aggregate3(calls), Multicall3.tryAggregate(requireSuccess: false, calls)] {
            guard case .returned(let bytes) = try await chain.call(CallRequest(to: Multicall3.address, data: data)),
                let results = Multicall3.results(from: bytes, count: 3)
            else {
                Issue.record("no results")
                return
            }
            #expect(results.map(\.succeeded) == [true, false, true])
            #expect(results[0].returned == UInt256(1_000_000).bigEndianBytes)
            #expect(TokenCall.text(results[2].returned) == vector.offer.extra.version)
        }
    }
}
