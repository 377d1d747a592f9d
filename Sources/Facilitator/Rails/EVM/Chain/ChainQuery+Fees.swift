import Primitives
import X402

/// What the last blocks took.
struct FeeHistory: Hashable, Sendable {
    /// What the next block burns, in wei for each unit of gas.
    var baseFee: UInt256
    /// The median of what was tipped in each block, the median of these.
    var tip: UInt256
}

extension ChainQuery {
    /// The blocks that are looked at.
    static let feeBlocks: UInt64 = 5

    /// The last blocks' fees; nil where the node does not have the method.
    static func feeHistory() -> RPCCall<FeeHistory?> {
        let request = RPCRequest(
            "eth_feeHistory", [.quantity(feeBlocks), .string("latest"), .array([.number("50")])], passesRefusals: true)
        return RPCCall(request) { (result: RPCResult) throws(ChainError) -> FeeHistory? in
            guard case .value(let value) = result, let history = ChainValue(value).orNil else { return nil }
            // One more than blocks: the last is that of the block to come (EIP-1559 fixes it).
            guard let baseFee = try history.optional("baseFeePerGas")?.elements().last else { return nil }
            var tips: [UInt256] = []
            for block in try history.optional("reward")?.elements() ?? [] {
                if let tip = try block.elements().first { tips.append(try tip.quantity()) }
            }
            tips.sort()
            return FeeHistory(baseFee: try baseFee.quantity(), tip: tips.isEmpty ? .zero : tips[tips.count / 2])
        }
    }

    /// The tip the node would give; nil where it does not have the method.
    static func suggestedTip() -> RPCCall<UInt256?> {
        RPCCall(RPCRequest("eth_maxPriorityFeePerGas", passesRefusals: true)) {
            (result: RPCResult) throws(ChainError) -> UInt256? in
            guard case .value(let value) = result else { return nil }
            return try ChainValue(value).orNil?.quantity()
        }
    }

    /// The price the node would pay, in wei for each unit of gas.
    static func gasPrice() -> RPCCall<UInt256> {
        RPCCall(RPCRequest("eth_gasPrice")) { (value: ChainValue) throws(ChainError) in try value.quantity() }
    }
}
