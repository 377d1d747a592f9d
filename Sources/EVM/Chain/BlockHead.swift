package import Primitives

/// The head of a block.
package struct BlockHead: Hashable, Sendable {
    package var number: UInt64
    package var hash: Bytes32
    package var parentHash: Bytes32
    package var timestamp: UnixTime
    /// Wei for each unit of gas that is burnt; nil before EIP-1559.
    package var baseFee: UInt256?
    /// The gas that all transactions of the block may use together.
    package var gasLimit: UInt64

    package init(
        number: UInt64, hash: Bytes32, parentHash: Bytes32, timestamp: UnixTime, baseFee: UInt256?, gasLimit: UInt64
    ) {
        self.number = number
        self.hash = hash
        self.parentHash = parentHash
        self.timestamp = timestamp
        self.baseFee = baseFee
        self.gasLimit = gasLimit
    }
}
