import EVM
import Facilitator
import Primitives
import X402

/// What nodes and contracts answer: the first byte picks the question, the rest is the answer.
enum ChainFuzz {
    static func fault(in input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let answer = [UInt8](input.dropFirst())
        switch first % 12 {
        case 0: return read(ChainQuery.receipt(of: .zero), answer) { $0?.fault }
        case 1: return read(ChainQuery.logs(filter), answer) { logs in logs?.lazy.compactMap(fault(of:)).first }
        case 2:
            return read(ChainQuery.head(.number(7)), answer) {
                $0?.number ?? 7 == 7 ? nil : "a block of another number"
            }
        case 3:
            return read(ChainQuery.transaction(.zero), answer) {
                $0?.hash ?? .zero == .zero ? nil : "another transaction"
            }
        case 4: return read(ChainQuery.call(CallRequest(to: .zero, data: [])), answer) { _ in nil }
        case 5: return read(ChainQuery.gas(for: CallRequest(to: .zero, data: [])), answer) { _ in nil }
        case 6: return read(ChainQuery.balance(of: .zero), answer) { _ in nil }
        case 7:
            return read(
                ChainQuery.all([ChainQuery.nonce(of: .zero), ChainQuery.nonce(of: .zero), ChainQuery.chainID()]), answer
            ) { $0.count == 3 ? nil : "another number of values" }
        case 8: return wallet(answer)
        case 9:
            let count = Multicall3.results(from: answer, count: 2)?.count ?? 2
            return count == 2 ? nil : "another number of results"
        case 10:
            let text = RevertReason(data: answer).text
            let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
            return isPlain && !text.isEmpty ? nil : "a reason that cannot stand in a log"
        default:
            _ = TokenCall.text(answer)
            _ = TokenCall.isAcceptance(answer)
            return nil
        }
    }

    private static let filter = LogFilter(address: .zero, topics: [[.zero], nil], from: 5, to: 9)

    /// Reads an answer twice, and asks of a value that is believed what must hold of it.
    private static func read<Value: Sendable>(
        _ call: RPCCall<Value>, _ answer: [UInt8], _ check: (Value) -> String?
    ) -> String? {
        let exchange = RPCExchange(calls: call.requests)
        let reading = exchange.read(answer, limits: JSONLimits())
        if exchange.read(answer, limits: JSONLimits()) != reading { return "read twice, read differently" }
        guard case .answered(let results) = reading else { return nil }
        if (try? JSONValue.parse(answer)) == nil { return "believed, though it is not strict JSON" }
        if results.count != call.requests.count { return "another number of results" }
        for (request, result) in zip(call.requests, results) {
            guard case .refused(let refusal) = result else { continue }
            if refusal.standing(for: request) != .verdict {
                return "a refusal that is not about the call was passed on"
            }
        }
        var rest = results[...]
        guard let value = try? call.take(from: &rest) else { return nil }
        return check(value)
    }

    private static func fault(of log: ChainLog) -> String? {
        if log.removed { return "an event that was taken back" }
        return filter.matches(log) ? nil : "an event that was not asked for"
    }

    /// A wrapped signature has one form only.
    private static func wallet(_ bytes: [UInt8]) -> String? {
        guard case .undeployed(let signature) = ContractSignature(bytes) else { return nil }
        return signature.bytes == bytes ? nil : "wrapped again, it is another signature"
    }
}

extension TransactionReceipt {
    /// What must not be so in a receipt that is believed.
    fileprivate var fault: String? {
        if transaction != .zero { return "the receipt of another transaction" }
        if !succeeded, !logs.isEmpty { return "events of a failed transaction" }
        let isOwn = logs.allSatisfy { $0.transaction == transaction && $0.blockHash == blockHash && !$0.removed }
        return isOwn ? nil : "an event of another transaction"
    }
}
