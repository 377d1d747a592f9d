import EVM
import Primitives

extension ChainValue {
    /// A block as `eth_getBlockByNumber` gives it; what is not read is not checked.
    func blockHead() throws(ChainError) -> BlockHead {
        BlockHead(
            number: try member("number").number(), hash: try member("hash").hash(),
            parentHash: try member("parentHash").hash(), timestamp: try member("timestamp").time(),
            baseFee: try optional("baseFeePerGas")?.quantity(), gasLimit: try member("gasLimit").number())
    }

    /// A receipt; nil while its block is not made, as some nodes have them too.
    func receipt() throws(ChainError) -> TransactionReceipt? {
        let transaction = try member("transactionHash").hash()
        guard let block = try optional("blockHash"), let number = try optional("blockNumber") else { return nil }
        let succeeded: Bool
        switch try member("status").number() {
        case 0: succeeded = false
        case 1: succeeded = true
        default: throw .malformed("a status is neither success nor failure")
        }
        let receipt = TransactionReceipt(
            transaction: transaction, succeeded: succeeded, blockNumber: try number.number(),
            blockHash: try block.hash(), gasUsed: try member("gasUsed").number(),
            effectiveGasPrice: try member("effectiveGasPrice").quantity(),
            // Rollups of the OP stack take it apart from gas; the receipt alone tells how much.
            publishingFee: try optional("l1Fee")?.quantity(),
            from: try member("from").address(), to: try optional("to")?.address(),
            createdContract: try optional("contractAddress")?.address(), logs: try logs(of: "logs"))
        let isOwn = receipt.logs.allSatisfy {
            $0.transaction == receipt.transaction && $0.blockHash == receipt.blockHash && !$0.removed
        }
        guard isOwn, succeeded || receipt.logs.isEmpty else { throw .malformed("a receipt with events of another") }
        return receipt
    }

    /// A transaction as `eth_getTransactionByHash` gives it.
    func transaction() throws(ChainError) -> PendingTransaction {
        PendingTransaction(
            hash: try member("hash").hash(), from: try member("from").address(), nonce: try member("nonce").number(),
            blockNumber: try optional("blockNumber")?.number(), to: try optional("to")?.address(),
            input: try member("input").data())
    }

    /// An event that stands in a block.
    func log() throws(ChainError) -> ChainLog {
        var topics: [Bytes32] = []
        for topic in try member("topics").elements() { topics.append(try topic.hash()) }
        guard topics.count <= 4 else { throw .malformed("an event with more than four topics") }
        return ChainLog(
            address: try member("address").address(), topics: topics, data: try member("data").data(),
            blockNumber: try member("blockNumber").number(), blockHash: try member("blockHash").hash(),
            transaction: try member("transactionHash").hash(), index: try member("logIndex").number(),
            removed: try optional("removed")?.bool() ?? false)
    }

    private func logs(of key: String) throws(ChainError) -> [ChainLog] {
        var logs: [ChainLog] = []
        for element in try member(key).elements() { logs.append(try element.log()) }
        return logs
    }
}
