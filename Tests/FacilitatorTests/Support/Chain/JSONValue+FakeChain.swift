import EVM
import Facilitator
import Primitives
import X402

/// What a node's answers are made of, written here and not by the code under test.
extension JSONValue {
    static func quantity(_ value: UInt256) -> JSONValue {
        let digits = Hex.encode(value.bigEndianBytes, prefix: false).drop { $0 == "0" }
        return .string("0x" + (digits.isEmpty ? "0" : digits))
    }

    static func quantity(_ value: UInt64) -> JSONValue { .string("0x" + String(value, radix: 16)) }
    static func data(_ bytes: [UInt8]) -> JSONValue { .string(Hex.encode(bytes)) }
    static func hash(_ hash: Bytes32) -> JSONValue { .string(hash.description) }
    static func address(_ address: Address) -> JSONValue { .string(address.lowercased) }

    init(_ head: BlockHead) {
        self = .object([
            JSONMember("number", .quantity(head.number)), JSONMember("hash", .hash(head.hash)),
            JSONMember("parentHash", .hash(head.parentHash)),
            JSONMember("timestamp", .quantity(UInt64(head.timestamp.seconds))),
            JSONMember("gasLimit", .quantity(head.gasLimit)), JSONMember("transactions", .array([])),
            JSONMember("baseFeePerGas", head.baseFee.map { .quantity($0) } ?? .null),
        ])
    }

    init(_ log: ChainLog) {
        self = .object([
            JSONMember("address", .address(log.address)),
            JSONMember("topics", .array(log.topics.map { .hash($0) })), JSONMember("data", .data(log.data)),
            JSONMember("blockNumber", .quantity(log.blockNumber)), JSONMember("blockHash", .hash(log.blockHash)),
            JSONMember("transactionHash", .hash(log.transaction)), JSONMember("logIndex", .quantity(log.index)),
            JSONMember("removed", .bool(log.removed)),
        ])
    }

    init(_ receipt: TransactionReceipt) {
        self = .object([
            JSONMember("transactionHash", .hash(receipt.transaction)),
            JSONMember("status", .quantity(receipt.succeeded ? 1 : 0 as UInt64)),
            JSONMember("blockNumber", .quantity(receipt.blockNumber)),
            JSONMember("blockHash", .hash(receipt.blockHash)), JSONMember("gasUsed", .quantity(receipt.gasUsed)),
            JSONMember("effectiveGasPrice", .quantity(receipt.effectiveGasPrice)),
            JSONMember("from", .address(receipt.from)), JSONMember("to", receipt.to.map { .address($0) } ?? .null),
            JSONMember("contractAddress", receipt.createdContract.map { .address($0) } ?? .null),
            JSONMember("logs", .array(receipt.logs.map { JSONValue($0) })),
        ])
    }

    init(_ transaction: RawTransaction, in block: BlockHead?) {
        let fields = transaction.fields
        self = .object([
            JSONMember("hash", .hash(transaction.hash)), JSONMember("from", .address(transaction.from)),
            JSONMember("nonce", .quantity(fields.nonce)),
            JSONMember("blockNumber", block.map { .quantity($0.number) } ?? .null),
            JSONMember("to", fields.to.map { .address($0) } ?? .null), JSONMember("input", .data(fields.data)),
        ])
    }
}
