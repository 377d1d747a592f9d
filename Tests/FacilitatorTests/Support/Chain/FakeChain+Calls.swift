import EVM
import Primitives
import X402

@testable import Facilitator

extension FakeChain.State {
    /// One call's result, in the form and with the errors of geth.
    mutating func answer(to call: RPCRequest) throws(RPCRefusal) -> JSONValue {
        switch call.method {
        case "eth_chainId": return .quantity(chainID)
        case "eth_blockNumber": return .quantity(head.head.number)
        case "eth_getBlockByNumber": return block(call.params.first).map { JSONValue($0.head) } ?? .null
        case "eth_getCode": return .data(try state(call, 1).code(at: try address(call, 0)))
        case "eth_getBalance": return .quantity(try state(call, 1).balances[try address(call, 0)] ?? .zero)
        case "eth_getTransactionCount": return .quantity(try nonce(call))
        case "eth_call": return .data(try execute(call).bytes)
        case "eth_estimateGas": return .quantity(try execute(call).gas)
        case "eth_gasPrice": return .quantity(baseFee.adding(tip) ?? .max)
        case "eth_maxPriorityFeePerGas": return .quantity(tip)
        case "eth_feeHistory":
            return .object([
                JSONMember("oldestBlock", .quantity(head.head.number)),
                JSONMember("baseFeePerGas", .array([.quantity(baseFee), .quantity(baseFee)])),
                JSONMember("gasUsedRatio", .array([.number("0.5")])),
                JSONMember("reward", .array([.array([.quantity(tip)])])),
            ])
        case "eth_sendRawTransaction": return try send(call)
        case "eth_getTransactionReceipt":
            let hash = try hash(call, 0)
            return known.lazy.flatMap(\.receipts).first { $0.transaction == hash }.map { JSONValue($0) } ?? .null
        case "eth_getTransactionByHash": return transaction(try hash(call, 0))
        case "eth_getLogs": return .array(try logs(call).map { JSONValue($0) })
        default: throw RPCRefusal(code: -32601, message: "the method \(call.method) does not exist/is not available")
        }
    }

    // MARK: Pool

    private mutating func send(_ call: RPCRequest) throws(RPCRefusal) -> JSONValue {
        guard let raw = try? ChainValue(call.params.first ?? .null).data(), let sent = RawTransaction(raw) else {
            throw RPCRefusal(code: -32602, message: "rlp: expected input list for types.DynamicFeeTx")
        }
        let (from, fields) = (sent.from, sent.fields)
        let waiting = pool[from]?[fields.nonce]
        if waiting?.hash == sent.hash { throw RPCRefusal(code: -32000, message: "already known") }
        guard fields.chainID == chainID else {
            throw RPCRefusal(code: -32000, message: "invalid sender: invalid chain id for signer: have 1 want 2")
        }
        let next = head.world.nonces[from] ?? 0
        guard fields.nonce >= next else {
            throw RPCRefusal(code: -32000, message: "nonce too low: next nonce \(next), tx nonce \(fields.nonce)")
        }
        guard fields.gasLimit >= 21_000 else { throw RPCRefusal(code: -32000, message: "intrinsic gas too low") }
        guard fields.maxPriorityFee <= fields.maxFee else {
            throw RPCRefusal(code: -32000, message: "max priority fee per gas higher than max fee per gas")
        }
        let cost = fields.maxFee.multiplied(by: fields.gasLimit)?.adding(fields.value) ?? .max
        guard head.world.balances[from] ?? .zero >= cost else {
            throw RPCRefusal(code: -32000, message: "insufficient funds for gas * price + value")
        }
        if let waiting, !Self.replaces(waiting.fields, fields) {
            throw RPCRefusal(code: -32000, message: "replacement transaction underpriced")
        }
        pool[from, default: [:]][fields.nonce] = sent
        if minesAtOnce { mine() }
        return .hash(sent.hash)
    }

    /// Both prices must rise by a tenth (geth's default price bump).
    private static func replaces(_ old: FeeMarketTransaction, _ new: FeeMarketTransaction) -> Bool {
        func isTenthMore(_ new: UInt256, _ old: UInt256) -> Bool {
            guard let left = new.multiplied(by: 10), let right = old.multiplied(by: 11) else { return false }
            return left >= right
        }
        return isTenthMore(new.maxFee, old.maxFee) && isTenthMore(new.maxPriorityFee, old.maxPriorityFee)
    }

    private func transaction(_ hash: Bytes32) -> JSONValue {
        for block in known {
            if let found = block.transactions.first(where: { $0.hash == hash }) {
                return JSONValue(found, in: block.head)
            }
        }
        return pool.values.lazy.flatMap(\.values).first { $0.hash == hash }.map { JSONValue($0, in: nil) } ?? .null
    }

    private func nonce(_ call: RPCRequest) throws(RPCRefusal) -> UInt64 {
        let account = try address(call, 0)
        var nonce = try state(call, 1).nonces[account] ?? 0
        guard call.params.last == .string("pending") else { return nonce }
        while pool[account]?[nonce] != nil { nonce += 1 }
        return nonce
    }

    // MARK: Contracts

    private func execute(_ call: RPCRequest) throws(RPCRefusal) -> (bytes: [UInt8], gas: UInt64) {
        guard let request = call.params.first, let data = try? ChainValue(request["data"] ?? .string("0x")).data()
        else {
            throw RPCRefusal(code: -32602, message: "invalid argument 0")
        }
        let from = request["from"].flatMap { try? ChainValue($0).address() } ?? .zero
        guard let to = request["to"].flatMap({ try? ChainValue($0).address() }) else { return ([], 500_000) }
        var world = call.params.count > 1 ? try state(call, 1) : head.world
        // As geth does, the latest state is looked at with the clock of now.
        let context = FakeWorld.Context(from: from, to: to, timestamp: now, chainID: chainID)
        let execution = world.run(data, context)
        if let limit = request["gas"].flatMap({ try? ChainValue($0).number() }), execution.gas > limit {
            throw RPCRefusal(code: -32000, message: "out of gas")
        }
        switch execution {
        case .returned(let bytes, _, let gas): return (bytes, gas)
        case .reverted(let bytes, _):
            let reason = RevertReason(data: bytes)
            var message = "execution reverted"
            if case .message(let text) = reason { message += ": " + text }
            throw RPCRefusal(code: 3, message: message, data: bytes)
        }
    }

    private func logs(_ call: RPCRequest) throws(RPCRefusal) -> [ChainLog] {
        guard let filter = call.params.first, let from = try? ChainValue(filter["fromBlock"] ?? .null).number(),
            let to = try? ChainValue(filter["toBlock"] ?? .null).number(),
            let contract = try? ChainValue(filter["address"] ?? .null).address(),
            case .array(let places)? = filter["topics"]
        else { throw RPCRefusal(code: -32602, message: "invalid argument 0") }
        if to >= from, to - from >= maxLogRange {
            throw RPCRefusal(code: -32005, message: "query exceeds max block range \(maxLogRange)")
        }
        let topics = places.map { place -> [Bytes32]? in
            switch place {
            case .string(let text): Bytes32(hex: text).map { [$0] }
            case .array(let texts): texts.compactMap { $0.string.flatMap { Bytes32(hex: $0) } }
            default: nil
            }
        }
        let wanted = LogFilter(address: contract, topics: topics, from: from, to: to)
        return known.flatMap { $0.receipts.flatMap(\.logs) }.filter { wanted.matches($0) }
    }

    // MARK: Parameters

    private func block(_ tag: JSONValue?) -> FakeBlock? {
        switch tag {
        case .string("latest"), .string("pending"), .string("safe"), .string("finalized"), nil: return head
        default:
            guard let number = tag.flatMap({ try? ChainValue($0).number() }) else { return nil }
            return known.first { $0.head.number == number }
        }
    }

    private func state(_ call: RPCRequest, _ index: Int) throws(RPCRefusal) -> FakeWorld {
        guard let block = block(call.params.count > index ? call.params[index] : nil) else {
            throw RPCRefusal(code: -32000, message: "header not found")
        }
        return block.world
    }

    private func address(_ call: RPCRequest, _ index: Int) throws(RPCRefusal) -> Address {
        guard let address = try? ChainValue(call.params[index]).address() else {
            throw RPCRefusal(code: -32602, message: "invalid argument \(index)")
        }
        return address
    }

    private func hash(_ call: RPCRequest, _ index: Int) throws(RPCRefusal) -> Bytes32 {
        guard let hash = try? ChainValue(call.params[index]).hash() else {
            throw RPCRefusal(code: -32602, message: "invalid argument \(index)")
        }
        return hash
    }
}
