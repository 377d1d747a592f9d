package import Primitives

/// An event that a contract emitted, and where it stands in the chain.
package struct ChainLog: Hashable, Sendable {
    /// The contract.
    package var address: Address
    /// The event's hash, then its indexed values; four at most.
    package var topics: [Bytes32]
    /// The values that are not indexed.
    package var data: [UInt8]
    package var blockNumber: UInt64
    package var blockHash: Bytes32
    package var transaction: Bytes32
    /// The place in its block.
    package var index: UInt64
    /// Whether its block has left the chain.
    package var removed: Bool

    package init(
        address: Address, topics: [Bytes32], data: [UInt8], blockNumber: UInt64, blockHash: Bytes32,
        transaction: Bytes32, index: UInt64, removed: Bool = false
    ) {
        self.address = address
        self.topics = topics
        self.data = data
        self.blockNumber = blockNumber
        self.blockHash = blockHash
        self.transaction = transaction
        self.index = index
        self.removed = removed
    }
}
