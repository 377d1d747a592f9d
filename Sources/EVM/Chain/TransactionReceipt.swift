package import Primitives

/// What became of a transaction that stands in a block.
package struct TransactionReceipt: Hashable, Sendable {
    package var transaction: Bytes32
    /// Whether it was not reverted; of money only the logs tell.
    package var succeeded: Bool
    package var blockNumber: UInt64
    package var blockHash: Bytes32
    package var gasUsed: UInt64
    /// Wei for each unit of gas.
    package var effectiveGasPrice: UInt256
    /// Wei that a rollup took beside gas for publishing the transaction; nil where there is no such fee.
    package var publishingFee: UInt256?
    package var from: Address
    /// Nil when the transaction created a contract.
    package var to: Address?
    /// The contract it created.
    package var createdContract: Address?
    package var logs: [ChainLog]

    package init(
        transaction: Bytes32, succeeded: Bool, blockNumber: UInt64, blockHash: Bytes32, gasUsed: UInt64,
        effectiveGasPrice: UInt256, publishingFee: UInt256? = nil, from: Address, to: Address?,
        createdContract: Address? = nil, logs: [ChainLog]
    ) {
        self.transaction = transaction
        self.succeeded = succeeded
        self.blockNumber = blockNumber
        self.blockHash = blockHash
        self.gasUsed = gasUsed
        self.effectiveGasPrice = effectiveGasPrice
        self.publishingFee = publishingFee
        self.from = from
        self.to = to
        self.createdContract = createdContract
        self.logs = logs
    }

    /// Wei that the sender paid in all; nil when no 256 bits hold it, which no chain says truthfully.
    package var cost: UInt256? {
        effectiveGasPrice.multiplied(by: gasUsed)?.adding(publishingFee ?? .zero)
    }
}
