package import EVM
package import Primitives
import X402

/// The calls that a chain is asked, each with its reader; several go in one exchange by `Chain.ask`.
package enum ChainQuery {
    /// Many calls of one kind as one.
    package static func all<Value: Sendable>(_ calls: [RPCCall<Value>]) -> RPCCall<[Value]> {
        RPCCall(calls.flatMap(\.requests)) { (results) throws(ChainError) -> [Value] in
            var rest = results
            var values: [Value] = []
            values.reserveCapacity(calls.count)
            for call in calls { values.append(try call.take(from: &rest)) }
            return values
        }
    }

    /// The EIP-155 id.
    package static func chainID() -> RPCCall<UInt64> {
        RPCCall(RPCRequest("eth_chainId")) { (value: ChainValue) throws(ChainError) in try value.number() }
    }

    /// A block's head; nil when the node has no such block.
    package static func head(_ block: BlockTag) -> RPCCall<BlockHead?> {
        RPCCall(RPCRequest("eth_getBlockByNumber", [.string(block.text), .bool(false)])) {
            (value: ChainValue) throws(ChainError) in
            guard let head = try value.orNil?.blockHead() else { return nil }
            if case .number(let number) = block, head.number != number { throw .malformed("a block of another number") }
            return head
        }
    }

    /// The code at an address; empty where there is none.
    package static func code(of address: Address, at block: BlockTag = .latest) -> RPCCall<[UInt8]> {
        RPCCall(RPCRequest("eth_getCode", [.address(address), .string(block.text)])) {
            (value: ChainValue) throws(ChainError) in try value.data()
        }
    }

    /// How many transactions an account has sent.
    package static func nonce(of account: Address, at block: BlockTag = .latest) -> RPCCall<UInt64> {
        RPCCall(RPCRequest("eth_getTransactionCount", [.address(account), .string(block.text)])) {
            (value: ChainValue) throws(ChainError) in try value.number()
        }
    }

    /// Wei that an account has.
    package static func balance(of account: Address, at block: BlockTag = .latest) -> RPCCall<UInt256> {
        RPCCall(RPCRequest("eth_getBalance", [.address(account), .string(block.text)])) {
            (value: ChainValue) throws(ChainError) in try value.quantity()
        }
    }

    /// A contract's answer.
    package static func call(_ request: CallRequest, at block: BlockTag = .latest) -> RPCCall<CallResult> {
        RPCCall(RPCRequest("eth_call", [request.json, .string(block.text)])) {
            (result: RPCResult) throws(ChainError) -> CallResult in
            switch result {
            case .value(let value): return .returned(try ChainValue(value).data())
            case .refused(let refusal):
                guard let reason = refusal.revertReason else {
                    throw ChainError(.unavailable, "the node cannot make the call")
                }
                return .reverted(reason)
            }
        }
    }

    /// The gas a transaction would take.
    package static func gas(for request: CallRequest) -> RPCCall<GasEstimate> {
        RPCCall(RPCRequest("eth_estimateGas", [request.json])) {
            (result: RPCResult) throws(ChainError) -> GasEstimate in
            switch result {
            case .value(let value): return .gas(try ChainValue(value).number())
            case .refused(let refusal):
                if let reason = refusal.revertReason { return .reverted(reason) }
                return .refused(RevertReason(message: refusal.message).text)
            }
        }
    }

    /// Hands a signed transaction to the node.
    static func send(_ raw: [UInt8]) -> RPCCall<SendOutcome> {
        RPCCall(RPCRequest("eth_sendRawTransaction", [.data(raw)])) {
            (result: RPCResult) throws(ChainError) -> SendOutcome in
            switch result {
            case .value(let value):
                guard let hash = try? ChainValue(value).hash(), hash == Keccak256.hash(raw) else {
                    throw .malformed("the node names another transaction", mayHaveActed: true)
                }
                return .accepted(hash)
            case .refused(let refusal):
                let outcome = SendOutcome(refusal: refusal)
                if refusal.mayHaveActed, outcome != .alreadyKnown {
                    throw ChainError(
                        .unavailable, mayHaveActed: true, "one node failed with the transaction, another refused it")
                }
                return outcome
            }
        }
    }

    /// What became of a transaction; nil while it stands in no block.
    package static func receipt(of transaction: Bytes32) -> RPCCall<TransactionReceipt?> {
        RPCCall(RPCRequest("eth_getTransactionReceipt", [.hash(transaction)])) {
            (value: ChainValue) throws(ChainError) in
            guard let receipt = try value.orNil?.receipt() else { return nil }
            guard receipt.transaction == transaction else { throw .malformed("the receipt of another transaction") }
            return receipt
        }
    }

    /// A transaction as the node knows it; nil when it does not.
    package static func transaction(_ hash: Bytes32) -> RPCCall<PendingTransaction?> {
        RPCCall(RPCRequest("eth_getTransactionByHash", [.hash(hash)])) { (value: ChainValue) throws(ChainError) in
            guard let transaction = try value.orNil?.transaction() else { return nil }
            guard transaction.hash == hash else { throw .malformed("another transaction") }
            return transaction
        }
    }

    /// The events in a range of blocks; nil when the node finds the range too wide.
    package static func logs(_ filter: LogFilter) -> RPCCall<[ChainLog]?> {
        RPCCall(RPCRequest("eth_getLogs", [filter.json])) { (result: RPCResult) throws(ChainError) -> [ChainLog]? in
            guard case .value(let value) = result else { return nil }
            var logs: [ChainLog] = []
            for element in try ChainValue(value).elements() {
                let log = try element.log()
                guard filter.matches(log) else { throw .malformed("an event that was not asked for") }
                if !log.removed { logs.append(log) }
            }
            return logs
        }
    }
}
