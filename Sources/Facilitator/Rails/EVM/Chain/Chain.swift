package import EVM
package import Primitives
import X402

/// A chain as the rail asks it: typed calls over any node.
///
/// Absence is no fact: a node that is behind knows of no receipt, no transaction and no event yet, and tells an old state as
/// the latest. What must hold at a block is asked at the block's number, which such a node refuses.
package struct Chain: Sendable {
    /// The exchanges one search for events may take.
    package static let maxLogExchanges = 64

    private let node: any ChainNode
    private var patience: Duration?

    package init(_ node: any ChainNode) {
        self.node = node
    }

    /// The same chain for a caller who waits no longer than that for an exchange.
    package func within(_ patience: Duration) -> Chain {
        var chain = self
        chain.patience = patience
        return chain
    }

    /// Asks several questions in one exchange.
    package func ask<each Value: Sendable>(
        _ call: repeat RPCCall<each Value>
    ) async throws(ChainError) -> (repeat each Value) {
        var requests: [RPCRequest] = []
        repeat requests += (each call).requests
        var rest = try await results(of: requests)[...]
        return (repeat try (each call).take(from: &rest))
    }

    private func results(of requests: [RPCRequest]) async throws(ChainError) -> [RPCResult] {
        let results =
            if let patience { try await node.ask(requests, patience: patience) } else { try await node.ask(requests) }
        guard results.count == requests.count else { throw .malformed("a call was not answered") }
        return results
    }

    private func ask<Value: Sendable>(only call: RPCCall<Value>) async throws(ChainError) -> Value {
        var rest = try await results(of: call.requests)[...]
        return try call.take(from: &rest)
    }
}

// MARK: - Questions

extension Chain {
    /// The EIP-155 id.
    package func chainID() async throws(ChainError) -> UInt64 {
        try await ask(only: ChainQuery.chainID())
    }

    /// The head of a block that every node has.
    package func head(_ block: BlockTag = .latest) async throws(ChainError) -> BlockHead {
        guard let head = try await ask(only: ChainQuery.head(block)) else {
            throw ChainError(.unavailable, "the node does not have the block")
        }
        return head
    }

    /// The head of the block of that number; nil when the node has none.
    package func head(number: UInt64) async throws(ChainError) -> BlockHead? {
        try await ask(only: ChainQuery.head(.number(number)))
    }

    /// The code at an address; empty where there is none.
    package func code(of address: Address) async throws(ChainError) -> [UInt8] {
        try await ask(only: ChainQuery.code(of: address))
    }

    /// How many transactions an account has sent.
    package func nonce(of account: Address, at block: BlockTag = .latest) async throws(ChainError) -> UInt64 {
        try await ask(only: ChainQuery.nonce(of: account, at: block))
    }

    /// Wei that an account has.
    package func balance(of account: Address) async throws(ChainError) -> UInt256 {
        try await ask(only: ChainQuery.balance(of: account))
    }

    /// A contract's answer.
    package func call(_ request: CallRequest, at block: BlockTag = .latest) async throws(ChainError) -> CallResult {
        try await ask(only: ChainQuery.call(request, at: block))
    }

    /// The gas a transaction would take.
    package func estimateGas(_ request: CallRequest) async throws(ChainError) -> GasEstimate {
        try await ask(only: ChainQuery.gas(for: request))
    }

    /// What became of a transaction; nil while it stands in no block that the node has.
    package func receipt(_ transaction: Bytes32) async throws(ChainError) -> TransactionReceipt? {
        try await ask(only: ChainQuery.receipt(of: transaction))
    }

    /// A transaction as the node knows it; nil when it does not.
    package func transaction(_ hash: Bytes32) async throws(ChainError) -> PendingTransaction? {
        try await ask(only: ChainQuery.transaction(hash))
    }

    /// Hands over a signed transaction, once.
    ///
    /// An error whose `mayHaveActed` is true leaves open whether the transaction is in somebody's pool. The same bytes may
    /// be sent again at any time: they are the same transaction.
    package func send(_ raw: [UInt8]) async throws(ChainError) -> SendOutcome {
        try await ask(only: ChainQuery.send(raw))
    }
}

// MARK: - Questions of several exchanges

extension Chain {
    /// The events in a range of blocks, in the order of the chain.
    ///
    /// A range too wide for the node is asked for in halves.
    package func logs(_ filter: LogFilter) async throws(ChainError) -> [ChainLog] {
        guard filter.from <= filter.to else { return [] }
        var found: [ChainLog] = []
        var open = [filter]
        for _ in 0..<Self.maxLogExchanges {
            guard let next = open.popLast() else { return found }
            if let logs = try await ask(only: ChainQuery.logs(next)) {
                found += logs.sorted { ($0.blockNumber, $0.index) < ($1.blockNumber, $1.index) }
            } else if next.from < next.to {
                let middle = next.from + (next.to - next.from) / 2
                var (lower, upper) = (next, next)
                lower.to = middle
                upper.from = middle + 1
                open += [upper, lower]
            } else {
                break
            }
        }
        guard open.isEmpty else { throw ChainError(.unavailable, "the node does not give the events") }
        return found
    }

    /// What a unit of gas costs now.
    ///
    /// The next base fee and a usual tip of the last blocks; a node without `eth_feeHistory` is asked for its latest block and
    /// the price it would pay.
    package func fees() async throws(ChainError) -> ChainFees {
        let (history, suggestion) = try await ask(ChainQuery.feeHistory(), ChainQuery.suggestedTip())
        if let history { return ChainFees(baseFee: history.baseFee, priorityFee: suggestion ?? history.tip) }
        let (head, price) = try await ask(ChainQuery.head(.latest), ChainQuery.gasPrice())
        guard let head else { throw ChainError(.unavailable, "the node does not have the block") }
        let baseFee = head.baseFee ?? price
        return ChainFees(baseFee: baseFee, priorityFee: suggestion ?? price.subtracting(baseFee) ?? .zero)
    }
}
