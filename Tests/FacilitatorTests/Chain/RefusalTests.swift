import EVM
import Primitives
import Testing
import X402

@testable import Facilitator

@Suite("A node's refusal")
struct RefusalTests {
    /// Texts as the nodes' own sources have them.
    static let sendTexts: [(node: String, message: String, outcome: SendOutcome)] = [
        ("geth", "already known", .alreadyKnown),
        ("geth", "nonce too low: next nonce 5, tx nonce 4", .nonceTooLow),
        ("geth", "nonce too high: address 0x12, tx: 9 state: 5", .nonceTooHigh),
        ("geth", "gapped-nonce tx from delegated accounts", .nonceTooHigh),
        ("geth", "replacement transaction underpriced", .replacementUnderpriced),
        ("geth", "transaction underpriced: gas tip cap 0, minimum needed 1", .feeTooLow),
        (
            "geth", "max fee per gas less than block base fee: address 0x12, maxFeePerGas: 1, baseFee: 7", .feeTooLow
        ),
        (
            "geth", "insufficient funds for gas * price + value: balance 0, tx cost 21000, overshot 21000",
            .insufficientFunds
        ),
        ("geth", "intrinsic gas too low", .refused("intrinsic gas too low")),
        ("geth", "exceeds block gas limit", .refused("exceeds block gas limit")),
        ("geth", "txpool is full", .refused("txpool is full")),
        (
            "geth", "max priority fee per gas higher than max fee per gas",
            .refused("max priority fee per gas higher than max fee per gas")
        ),
        (
            "geth", "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)",
            .refused("tx fee (1.20 ether) exceeds the configured cap (1.00 ether)")
        ),
        ("erigon", "could not replace existing tx", .replacementUnderpriced),
        ("erigon", "INTERNAL_ERROR: existing tx with same hash", .alreadyKnown),
        ("erigon", "underpriced", .feeTooLow), ("erigon", "nonce too low", .nonceTooLow),
        ("reth", "transaction already imported", .alreadyKnown),
        ("reth", "max fee per gas less than block base fee", .feeTooLow),
        ("nethermind", "AlreadyKnown", .alreadyKnown),
        ("nethermind", "OldNonce, Current nonce: 5, nonce of rejected tx: 4", .nonceTooLow),
        ("nethermind", "OwnNonceAlreadyUsed", .nonceTooLow),
        ("nethermind", "NonceGap, Future nonce. Expected nonce: 5", .nonceTooHigh),
        ("nethermind", "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7", .feeTooLow),
        ("nethermind", "ReplacementNotAllowed", .replacementUnderpriced),
        ("nethermind", "InsufficientFunds, Account balance: 0, cumulative cost: 1", .insufficientFunds),
        ("besu", "Known transaction", .alreadyKnown), ("besu", "Nonce too low", .nonceTooLow),
        ("besu", "Transaction nonce is too distant from current sender nonce", .nonceTooHigh),
        ("besu", "Upfront cost exceeds account balance", .insufficientFunds),
        ("besu", "Gas price below configured minimum gas price", .feeTooLow),
        ("openethereum", "Transaction with the same hash was already imported.", .alreadyKnown),
        (
            "openethereum",
            "There is another transaction with same nonce in the queue. Try increasing the gas price or incrementing the nonce.",
            .replacementUnderpriced
        ),
        ("openethereum", "Transaction nonce is too low. Try incrementing the nonce.", .nonceTooLow),
    ]

    @Test("of a transaction is told apart by the texts of every node", arguments: sendTexts.indices)
    func sends(index: Int) {
        let (node, message, outcome) = Self.sendTexts[index]
        let refusal = RPCRefusal(code: -32000, message: message)
        #expect(SendOutcome(refusal: refusal) == outcome, "\(node)")
        #expect(refusal.standing(for: RPCRequest("eth_sendRawTransaction")) == .verdict)
    }

    static let standings: [(method: String, code: Int, message: String, standing: RefusalStanding)] = [
        ("eth_sendRawTransaction", -32000, "something nobody has heard of", .fault),
        ("eth_sendRawTransaction", -32603, "internal error", .fault),
        ("eth_sendRawTransaction", -32603, "nonce too low", .verdict),
        ("eth_sendRawTransaction", -32000, "request timed out", .fault),
        ("eth_sendRawTransaction", -32602, "invalid argument 0", .verdict),
        ("eth_sendRawTransaction", -32601, "the method does not exist", .notOffered),
        ("eth_sendRawTransaction", -32005, "limit exceeded", .rateLimited),
        ("eth_call", 3, "execution reverted", .verdict), ("eth_call", 3, "execution reverted: rate limit", .verdict),
        ("eth_call", -32000, "execution reverted", .verdict), ("eth_call", -32000, "out of gas", .verdict),
        ("eth_call", -32015, "VM execution error.", .verdict),
        ("eth_call", -32000, "invalid opcode: INVALID", .verdict),
        ("eth_call", -32000, "execution aborted (timeout = 5s)", .verdict),
        ("eth_call", -32000, "header not found", .fault), ("eth_call", -32000, "missing trie node 12", .fault),
        ("eth_call", -32603, "internal error", .fault), ("eth_call", -32005, "limit exceeded", .rateLimited),
        ("eth_call", 429, "Your app has exceeded its compute units per second capacity", .rateLimited),
        ("eth_call", -32016, "over rate limit", .rateLimited),
        ("eth_call", -32000, "daily request count exceeded, request rate limited", .rateLimited),
        ("eth_estimateGas", 3, "execution reverted: x", .verdict),
        ("eth_estimateGas", -32000, "gas required exceeds allowance (0)", .verdict),
        ("eth_estimateGas", -32000, "insufficient funds for transfer", .verdict),
        ("eth_estimateGas", -32000, "header not found", .fault),
        ("eth_getLogs", -32005, "query returned more than 10000 results", .verdict),
        ("eth_getLogs", -32602, "query exceeds max block range 500", .verdict),
        (
            "eth_getLogs", -32602,
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range", .verdict
        ),
        ("eth_getLogs", -32000, "too many requests, retry in 10s", .rateLimited),
        ("eth_getLogs", -32000, "header not found", .fault),
        ("eth_getBalance", -32000, "header not found", .fault), ("eth_getBalance", 3, "execution reverted", .fault),
        ("eth_getBalance", -32004, "method not supported", .notOffered),
        ("eth_getBalance", 403, "forbidden", .notOffered),
    ]

    @Test("is about the call or about the node", arguments: standings.indices)
    func standing(index: Int) {
        let (method, code, message, standing) = Self.standings[index]
        #expect(RPCRefusal(code: code, message: message).standing(for: RPCRequest(method)) == standing)
    }

    @Test("of a method that need not be there is passed on, but not when the node wants to be asked less")
    func passing() {
        let request = RPCRequest("eth_feeHistory", passesRefusals: true)
        #expect(RPCRefusal(code: -32601, message: "not found").standing(for: request) == .verdict)
        #expect(RPCRefusal(code: -32005, message: "limit exceeded").standing(for: request) == .rateLimited)
    }

    static let reasonTexts: [(message: String, data: String?, text: String?)] = [
        ("execution reverted: paused", nil, "paused"), ("execution reverted", nil, "reverted without a reason"),
        ("VM Exception while processing transaction: revert", nil, "reverted without a reason"),
        ("VM Exception while processing transaction: reverted with reason string 'paused'", nil, "'paused'"),
        ("execution reverted: ignored", "0xdeadbeef", "error 0xdeadbeef of the contract"),
        ("out of gas", nil, "out of gas"), ("header not found", nil, nil),
    ]

    @Test("of a reverted call says why in many ways", arguments: reasonTexts.indices)
    func reasons(index: Int) {
        let (message, data, text) = Self.reasonTexts[index]
        let refusal = RPCRefusal(code: -32000, message: message, data: data.flatMap { Hex.decode($0) })
        #expect(refusal.revertReason?.text == text)
    }

    @Test("has its data in one of three places")
    func data() throws {
        let expected: [UInt8] = [0xDE, 0xAD]
        for data in [#""0xdead""#, #""Reverted 0xdead""#, #"{"data":"0xdead","message":"x"}"#] {
            let json = try JSONValue.parse(Array(#"{"code":3,"message":"m","data":\#(data)}"#.utf8))
            #expect(RPCRefusal(json: json)?.data == expected, "\(data)")
        }
        for data in ["null", "1", #""dead""#, #""0xde:d""#, #"{"see":"https://example.invalid"}"#] {
            let json = try JSONValue.parse(Array(#"{"code":3,"message":"m","data":\#(data)}"#.utf8))
            #expect(RPCRefusal(json: json)?.data == nil, "\(data)")
        }
        for error in [
            #"{"message":"m"}"#, #"{"code":"3","message":"m"}"#, #"{"code":3}"#, "null", #"{"code":3.5,"message":"m"}"#,
        ] {
            #expect(RPCRefusal(json: try JSONValue.parse(Array(error.utf8))) == nil, "\(error)")
        }
    }
}
