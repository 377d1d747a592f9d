package import Primitives

/// A transaction that a node knows, in its pool or in a block.
package struct PendingTransaction: Hashable, Sendable {
    package var hash: Bytes32
    package var from: Address
    package var nonce: UInt64
    /// Nil while it waits in the pool.
    package var blockNumber: UInt64?
    /// Nil when it creates a contract.
    package var to: Address?
    package var input: [UInt8]

    package init(hash: Bytes32, from: Address, nonce: UInt64, blockNumber: UInt64?, to: Address?, input: [UInt8]) {
        self.hash = hash
        self.from = from
        self.nonce = nonce
        self.blockNumber = blockNumber
        self.to = to
        self.input = input
    }
}
