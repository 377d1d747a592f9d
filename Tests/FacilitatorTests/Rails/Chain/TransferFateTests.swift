import EVM
import Primitives
import Testing
import X402

@testable import Facilitator

@Suite("The fate of a transfer")
struct TransferFateTests {
    let fake = FakeChain.withToken()
    var finder: FateFinder { FateFinder(chain: Chain(fake)) }
    let offer = TransferVector.usdc.offer

    private func transfer(_ nonce: UInt64 = 1, value: UInt64 = 10_000, to: Address? = nil) -> SignedTransfer {
        TestPayer().sign(
            offer, nonce: nonce, validBefore: UInt64(fake.time.seconds) + 1_000, to: to, value: UInt256(value))
    }

    private func key(of transfer: SignedTransfer) -> TransferKey {
        TransferKey(
            asset: FakeChain.tokenAddress, payer: transfer.from, nonce: transfer.nonce, payTo: transfer.to,
            value: transfer.value)
    }

    @discardableResult
    private func mine(_ data: [UInt8], to: Address? = FakeChain.tokenAddress, nonce: UInt64 = 0) async throws -> Bytes32
    {
        let signed = FakeChain.transaction(nonce: nonce, to: to, data: data, gasLimit: 1_000_000)
        _ = try await Chain(fake).send(signed.raw)
        fake.mine()
        return signed.hash
    }

    @Test("what nobody used is unused, as of a block")
    func unused() async throws {
        fake.mine(3)
        #expect(try await finder.fate(of: key(of: transfer())) == .unused(at: fake.head))
        #expect(fake.exchanges == [["eth_call", "eth_getBlockByNumber"], ["eth_call"]])
    }

    @Test("what moved is told with its block, its depth and its sender")
    func moved() async throws {
        let transfer = transfer()
        let hash = try await mine(FakeChain.callData(transfer))
        let block = fake.head
        fake.mine(4)
        fake.resetExchanges()
        #expect(
            try await finder.fate(of: key(of: transfer))
                == .moved(
                    MovedTransfer(
                        transaction: hash, blockNumber: block.number, blockHash: block.hash, depth: 5,
                        sender: FakeChain.signer.address)))
        #expect(fake.exchanges.count == 3)
    }

    @Test("a nonce that was used for another value or recipient has not paid")
    func otherwise() async throws {
        let other = transfer(value: 1)
        try await mine(FakeChain.callData(other))
        var wanted = key(of: other)
        wanted.value = UInt256(10_000)
        #expect(try await finder.fate(of: wanted) == .spentOtherwise)
        wanted = key(of: other)
        wanted.payTo = .zero
        #expect(try await finder.fate(of: wanted) == .spentOtherwise)
        #expect(try await finder.fate(of: key(of: other)) != .spentOtherwise)
    }

    @Test("a cancelled nonce has not paid, even where the same transaction moves as much")
    func cancelled() async throws {
        let transfer = transfer()
        let token = FakeChain.tokenAddress
        fake.changeWorld { world in
            world.tokens[token]?.used.insert(FakeToken.Authorization(payer: transfer.from, nonce: transfer.nonce))
            world.contracts[Self.emitter] = Self.emitting([
                [TransferLog.canceledTopic, Bytes32(transfer.from), transfer.nonce],
                [TransferLog.transferTopic, Bytes32(transfer.from), Bytes32(transfer.to)],
            ])
        }
        try await mine([], to: Self.emitter)
        #expect(try await finder.fate(of: key(of: transfer)) == .spentOtherwise)
    }

    @Test("of two transfers in one transaction the money of one does not prove the other")
    func twoInOne() async throws {
        // The payer uses the nonce for a transfer to somebody else, and pays the recipient the same under another nonce.
        let stolen = transfer(1, to: .zero)
        let honest = transfer(2)
        let calls = [stolen, honest].map { Multicall3.Call(FakeChain.tokenAddress, FakeChain.callData($0)) }
        try await mine(Multicall3.aggregate3(calls), to: Multicall3.address)
        var wanted = key(of: stolen)
        wanted.payTo = honest.to
        #expect(try await finder.fate(of: wanted) == .spentOtherwise)
        guard case .moved = try await finder.fate(of: key(of: honest)) else {
            Issue.record("the other has paid")
            return
        }
    }

    @Test("several transfers of one payer in one transaction are told apart")
    func manyInOne() async throws {
        let transfers = (1...3).map { transfer($0) }
        let calls = transfers.map { Multicall3.Call(FakeChain.tokenAddress, FakeChain.callData($0)) }
        try await mine(Multicall3.aggregate3(calls), to: Multicall3.address)
        for transfer in transfers {
            guard case .moved = try await finder.fate(of: key(of: transfer)) else {
                Issue.record("all have paid")
                return
            }
        }
    }

    @Test("events of another contract prove nothing")
    func strangeContract() async throws {
        let transfer = transfer()
        fake.changeWorld { world in
            world.tokens[FakeChain.tokenAddress]?.used.insert(
                FakeToken.Authorization(payer: transfer.from, nonce: transfer.nonce))
            world.contracts[Self.emitter] = FakeContract { _, _, _ in
                .returned(
                    [],
                    logs: [
                        (Self.emitter, [TransferLog.usedTopic, Bytes32(transfer.from), transfer.nonce], []),
                        (
                            Self.emitter, [TransferLog.transferTopic, Bytes32(transfer.from), Bytes32(transfer.to)],
                            transfer.value.bigEndianBytes
                        ),
                    ])
            }
        }
        try await mine([], to: Self.emitter)
        #expect(try await finder.fate(of: key(of: transfer)) == .unexplained)
    }

    @Test("state and head of different nodes: unused is believed only of the head's own block")
    func nodesApart() async throws {
        let transfer = transfer()
        try await mine(FakeChain.callData(transfer))
        // The state comes from a node that is behind, the head from one that is not.
        fake.inject(.behind(1), into: "eth_call")
        #expect(try await finder.fate(of: key(of: transfer)) == .unexplained)
        guard case .moved = try await finder.fate(of: key(of: transfer)) else {
            Issue.record("moved")
            return
        }
    }

    @Test("an event whose receipt is in another block is not explained yet")
    func reorganisedBetween() async throws {
        let transfer = transfer()
        try await mine(FakeChain.callData(transfer))
        let fake = fake
        fake.inject(
            .meanwhile {
                fake.reorganise(depth: 1)
                fake.mine()
            }, into: "eth_getTransactionReceipt")
        #expect(try await finder.fate(of: key(of: transfer)) == .unexplained)
    }

    @Test("an event is found a day of blocks back, and no further")
    func farBack() async throws {
        let transfer = transfer()
        try await mine(FakeChain.callData(transfer))
        fake.mine(4_500)
        fake.resetExchanges()
        guard case .moved(let moved) = try await finder.fate(of: key(of: transfer)) else {
            Issue.record("moved")
            return
        }
        #expect(moved.depth == 4_501)
        // One for the state, three windows of 2 000 blocks, and one for the receipt.
        #expect(fake.exchanges.count == 5)
    }

    @Test("a token that does not tell the state is an error, never a verdict")
    func noState() async throws {
        fake.changeWorld { $0.tokens = [:] }
        await #expect(throws: ChainError.self) { try await finder.fate(of: key(of: transfer())) }
    }

    private static let emitter = ChainBench.key(0x55).address

    /// A contract that makes the token say this, each with the value of the offer.
    private static func emitting(_ topics: [[Bytes32]]) -> FakeContract {
        FakeContract { _, _, _ in
            .returned([], logs: topics.map { (FakeChain.tokenAddress, $0, UInt256(10_000).bigEndianBytes) })
        }
    }
}
