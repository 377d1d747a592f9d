import EVM
import Primitives

/// A block of the fake chain, with the world as it is behind it.
struct FakeBlock: Sendable {
    var head: BlockHead
    var transactions: [RawTransaction] = []
    var receipts: [TransactionReceipt] = []
    var world: FakeWorld

    /// Puts transactions into a block on top of this one; those that cannot be in it are left out.
    func next(
        with candidates: [RawTransaction], at timestamp: UInt64, baseFee: UInt256, chainID: UInt64, salt: UInt64
    ) -> FakeBlock {
        let number = head.number + 1
        let hash = Self.hash(number: number, salt: salt)
        var block = FakeBlock(
            head: BlockHead(
                number: number, hash: hash, parentHash: head.hash, timestamp: UnixTime(Int64(timestamp)),
                baseFee: baseFee, gasLimit: head.gasLimit),
            world: world)
        var logIndex: UInt64 = 0
        for transaction in candidates {
            let fields = transaction.fields
            guard fields.maxFee >= baseFee, fields.nonce == block.world.nonces[transaction.from] ?? 0 else { continue }
            let receipt = block.apply(transaction, chainID: chainID, logIndex: &logIndex)
            block.transactions.append(transaction)
            block.receipts.append(receipt)
        }
        return block
    }

    private mutating func apply(
        _ transaction: RawTransaction, chainID: UInt64, logIndex: inout UInt64
    ) -> TransactionReceipt {
        let fields = transaction.fields
        let price = min(fields.maxFee, (head.baseFee ?? .zero).adding(fields.maxPriorityFee) ?? .max)
        world.nonces[transaction.from, default: 0] += 1
        let context = FakeWorld.Context(
            from: transaction.from, to: fields.to ?? .zero, timestamp: UInt64(head.timestamp.seconds), chainID: chainID)
        let before = world
        var execution = world.run(fields.data, context)
        var created: Address?
        if fields.to == nil {
            let address = Address(createdBy: transaction.from, nonce: fields.nonce)
            world.contracts[address] = FakeContract { _, _, _ in .returned([]) }
            created = address
            execution = .returned([], gas: 500_000)
        }
        // Too little gas is the end of the call, and all of it is spent.
        if execution.gas > fields.gasLimit {
            world = before
            execution = .reverted([], gas: fields.gasLimit)
            created = nil
        }
        let cost = price.multiplied(by: execution.gas) ?? .max
        world.balances[transaction.from] = (world.balances[transaction.from] ?? .zero).subtracting(cost) ?? .zero
        var receipt = TransactionReceipt(
            transaction: transaction.hash, succeeded: false, blockNumber: head.number, blockHash: head.hash,
            gasUsed: execution.gas, effectiveGasPrice: price, from: transaction.from, to: fields.to,
            createdContract: created, logs: [])
        guard case .returned(_, let logs, _) = execution else { return receipt }
        receipt.succeeded = true
        for (address, topics, data) in logs {
            receipt.logs.append(
                ChainLog(
                    address: address, topics: topics, data: data, blockNumber: head.number, blockHash: head.hash,
                    transaction: transaction.hash, index: logIndex))
            logIndex += 1
        }
        return receipt
    }

    static func hash(number: UInt64, salt: UInt64) -> Bytes32 {
        Keccak256.hash(UInt256(highToLow: 0, 0, salt, number).bigEndianBytes)
    }
}
