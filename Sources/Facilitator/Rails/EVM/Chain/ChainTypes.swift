package import EVM
package import Primitives

/// Which block a question is about.
package enum BlockTag: Hashable, Sendable {
    case latest
    /// The latest with what waits in the node's pool.
    case pending
    /// Unlikely to be reorganised.
    case safe
    case finalized
    case number(UInt64)

    var text: String {
        switch self {
        case .latest: "latest"
        case .pending: "pending"
        case .safe: "safe"
        case .finalized: "finalized"
        case .number(let number): UInt256(number).quantity
        }
    }
}

/// A call of a contract that changes nothing.
package struct CallRequest: Hashable, Sendable {
    /// Nil to try the creation of a contract.
    package var to: Address?
    package var data: [UInt8]
    package var from: Address?
    package var gas: UInt64?
    /// Wei that goes with it.
    package var value: UInt256?

    package init(
        to: Address?, data: [UInt8], from: Address? = nil, gas: UInt64? = nil, value: UInt256? = nil
    ) {
        self.to = to
        self.data = data
        self.from = from
        self.gas = gas
        self.value = value
    }
}

/// What became of such a call.
package enum CallResult: Hashable, Sendable {
    /// Nothing, too, where no contract stands.
    case returned([UInt8])
    case reverted(RevertReason)
}

/// How much gas a transaction would take.
package enum GasEstimate: Hashable, Sendable {
    case gas(UInt64)
    case reverted(RevertReason)
    /// It could not be a transaction at all: no funds for its gas, or more gas than a block has.
    case refused(String)
}

/// What a unit of gas costs now, in wei.
package struct ChainFees: Hashable, Sendable {
    /// What the next block burns.
    package var baseFee: UInt256
    /// A tip that is taken at present.
    package var priorityFee: UInt256

    package init(baseFee: UInt256, priorityFee: UInt256) {
        self.baseFee = baseFee
        self.priorityFee = priorityFee
    }
}

/// What a node said to a signed transaction.
///
/// Of money none of them tells: a transaction that is refused here may have been taken earlier, or by another node. A
/// refusal in words that are not known is an error whose `mayHaveActed` is true.
package enum SendOutcome: Hashable, Sendable {
    case accepted(Bytes32)
    /// The node has this very transaction in its pool.
    case alreadyKnown
    /// A transaction of that nonce is in a block already; perhaps this one.
    case nonceTooLow
    /// The node keeps no transactions with a gap before them.
    case nonceTooHigh
    /// Another of that nonce waits, and this one does not pay enough more.
    case replacementUnderpriced
    /// Below what the node, or the next block, takes.
    case feeTooLow
    case insufficientFunds
    /// The node says that it can be no transaction, or that its pool is full; for people.
    case refused(String)
}

/// Which events are asked for.
package struct LogFilter: Hashable, Sendable {
    /// The contract that emitted them.
    package var address: Address
    /// For each place the topics that may stand there; nil for any.
    package var topics: [[Bytes32]?]
    /// The first block.
    package var from: UInt64
    /// The last block.
    package var to: UInt64

    package init(address: Address, topics: [[Bytes32]?], from: UInt64, to: UInt64) {
        self.address = address
        self.topics = topics
        self.from = from
        self.to = to
    }
}
