import EVM
import Facilitator
import Primitives
import Testing
import X402

/// A node that says one thing to every call.
struct OneAnswer: ChainNode {
    var result: RPCResult

    init(_ value: JSONValue) { result = .value(value) }
    init(refusal: RPCRefusal) { result = .refused(refusal) }

    func ask(_ calls: [RPCRequest]) async throws(ChainError) -> [RPCResult] {
        calls.map { _ in result }
    }
}

/// A node that answers another number of calls than it was asked.
struct WrongCount: ChainNode {
    var count: Int

    func ask(_ calls: [RPCRequest]) async throws(ChainError) -> [RPCResult] {
        Array(repeating: .value(.string("0x1")), count: count)
    }
}

@Suite("A node's answer")
struct ChainAnswerTests {
    static let hash = Bytes32([UInt8](repeating: 0xAB, count: 32)) ?? .zero
    static let other = Bytes32([UInt8](repeating: 0xCD, count: 32)) ?? .zero
    static let account = Address("0x1212121212121212121212121212121212121212") ?? .zero

    /// Asks one question of a chain; true where something came back.
    enum Question: String, CaseIterable, Sendable {
        case chainID, head, numbered, code, nonce, balance, call, gas, send, receipt, transaction, logs, fees

        func ask(_ chain: Chain) async throws(ChainError) {
            switch self {
            case .chainID: _ = try await chain.chainID()
            case .head: _ = try await chain.head()
            case .numbered: _ = try await chain.head(number: 7)
            case .code: _ = try await chain.code(of: account)
            case .nonce: _ = try await chain.nonce(of: account)
            case .balance: _ = try await chain.balance(of: account)
            case .call: _ = try await chain.call(CallRequest(to: account, data: [1]))
            case .gas: _ = try await chain.estimateGas(CallRequest(to: account, data: [1]))
            case .send: _ = try await chain.send([2, 1])
            case .receipt: _ = try await chain.receipt(ChainAnswerTests.hash)
            case .transaction: _ = try await chain.transaction(ChainAnswerTests.hash)
            case .logs:
                _ = try await chain.logs(LogFilter(address: account, topics: [[ChainAnswerTests.hash]], from: 5, to: 9))
            case .fees: _ = try await chain.fees()
            }
        }
    }

    static let nonsense: [JSONValue] = [
        .bool(true), .number("1"), .string(""), .string("1"), .string("0x"), .string("0xg1"), .string("0X1"),
        .string("0x01"), .string("-0x1"), .string(" 0x1"), .string("0x" + String(repeating: "f", count: 65)),
        .string("0xé"), .array([.null]), .array([.number("1")]), .object([]),
        .object([JSONMember("number", .number("7"))]),
    ]

    @Test("of another form is an error, whatever the question", arguments: Question.allCases)
    func otherForm(question: Question) async {
        for answer in Self.nonsense {
            // Empty data is what an account without code has, and what a call may return.
            if answer == .string("0x"), question == .code || question == .call { continue }
            if answer == .string("0x01"), question == .code || question == .call { continue }
            let error = await #expect(throws: ChainError.self, "\(question): \(answer)") {
                try await question.ask(Chain(OneAnswer(answer)))
            }
            #expect(error?.code == .malformedAnswer, "\(question): \(answer)")
            #expect(error?.mayHaveActed == (question == .send))
        }
    }

    @Test("null is an answer only where there may be none")
    func null() async throws {
        let chain = Chain(OneAnswer(.null))
        #expect(try await chain.receipt(Self.hash) == nil)
        #expect(try await chain.transaction(Self.hash) == nil)
        #expect(try await chain.head(number: 7) == nil)
        await #expect(throws: ChainError(.unavailable, "the node does not have the block")) { try await chain.head() }
        for question in [Question.chainID, .code, .nonce, .balance, .call, .gas, .send, .logs] {
            let error = await #expect(throws: ChainError.self) { try await question.ask(chain) }
            #expect(error?.code == .malformedAnswer, "\(question)")
        }
    }

    @Test("has as many results as there were calls", arguments: [0, 1, 3])
    func count(count: Int) async {
        let chain = Chain(WrongCount(count: count))
        await #expect(throws: ChainError.self) {
            _ = try await chain.ask(ChainQuery.chainID(), ChainQuery.chainID())
        }
    }

    @Test("quantities are read to their last digit")
    func quantities() async throws {
        let largest = "0x" + String(repeating: "f", count: 64)
        #expect(try await Chain(OneAnswer(.string(largest))).balance(of: .zero) == .max)
        #expect(try await Chain(OneAnswer(.string("0x0"))).balance(of: .zero) == .zero)
        #expect(try await Chain(OneAnswer(.string("0xABCdef"))).balance(of: .zero) == UInt256(0xABCDEF))
        #expect(try await Chain(OneAnswer(.string("0xffffffffffffffff"))).nonce(of: .zero) == .max)
        await #expect(throws: ChainError.self) {
            try await Chain(OneAnswer(.string("0x10000000000000000"))).nonce(of: .zero)
        }
    }

    // MARK: Receipts, blocks, transactions, events

    static let receipt = JSONValue(
        TransactionReceipt(
            transaction: hash, succeeded: true, blockNumber: 7, blockHash: other, gasUsed: 81_340,
            effectiveGasPrice: UInt256(3), from: account, to: account, logs: [log()]))

    static func log(_ change: (inout ChainLog) -> Void = { _ in }) -> ChainLog {
        var log = ChainLog(
            address: account, topics: [hash, other], data: [1, 2], blockNumber: 7, blockHash: other, transaction: hash,
            index: 4)
        change(&log)
        return log
    }

    /// Members of a receipt that make it one that is not believed.
    static let badReceipts: [(name: String, member: String, value: JSONValue?)] = [
        ("another transaction", "transactionHash", .hash(other)), ("no transaction", "transactionHash", nil),
        ("no status", "status", nil), ("a status of 2", "status", .string("0x2")),
        ("a status in words", "status", .string("success")), ("a status of truth", "status", .bool(true)),
        ("no gas", "gasUsed", nil), ("gas of 2^64", "gasUsed", .string("0x10000000000000000")),
        ("no price", "effectiveGasPrice", nil), ("no sender", "from", nil), ("a short sender", "from", .string("0x12")),
        ("a receiver that is a number", "to", .number("1")), ("no events", "logs", nil),
        ("events that are none", "logs", .string("0x")), ("a block number in decimals", "blockNumber", .number("7")),
        ("a short block hash", "blockHash", .string("0xab")), ("a fee that is none", "l1Fee", .string("12")),
        ("events of a failed transaction", "status", .string("0x0")),
        ("an event of another transaction", "logs", .array([JSONValue(log { $0.transaction = other })])),
        ("an event of another block", "logs", .array([JSONValue(log { $0.blockHash = hash })])),
        ("an event that was taken back", "logs", .array([JSONValue(log { $0.removed = true })])),
        ("five topics", "logs", .array([JSONValue(log { $0.topics = Array(repeating: hash, count: 5) })])),
    ]

    @Test("that is a receipt is believed only as a whole", arguments: badReceipts.indices)
    func receipts(index: Int) async throws {
        let (name, member, value) = Self.badReceipts[index]
        let good = try await Chain(OneAnswer(Self.receipt)).receipt(Self.hash)
        #expect(good?.gasUsed == 81_340)
        #expect(good?.logs == [Self.log()])
        let error = await #expect(throws: ChainError.self, "\(name)") {
            try await Chain(OneAnswer(Self.receipt.with(member, value))).receipt(Self.hash)
        }
        #expect(error?.code == .malformedAnswer)
    }

    @Test("that is a receipt without a block is none")
    func pendingReceipt() async throws {
        for member in ["blockHash", "blockNumber"] {
            #expect(try await Chain(OneAnswer(Self.receipt.with(member, .null))).receipt(Self.hash) == nil)
        }
    }

    @Test("tells what a rollup takes for publishing, and what a creation created")
    func rollup() async throws {
        let json = Self.receipt.with("l1Fee", .string("0x64")).with("to", .null)
            .with("contractAddress", .address(Self.account))
        let receipt = try #require(try await Chain(OneAnswer(json)).receipt(Self.hash))
        #expect(receipt.publishingFee == UInt256(100))
        #expect(receipt.cost == UInt256(3 * 81_340 + 100))
        #expect(receipt.to == nil)
        #expect(receipt.createdContract == Self.account)
    }

    @Test("that is a block has the number that was asked for")
    func blocks() async throws {
        let head = BlockHead(
            number: 7, hash: Self.hash, parentHash: Self.other, timestamp: UnixTime(1_700_000_000), baseFee: nil,
            gasLimit: 30_000_000)
        let json = JSONValue(head)
        #expect(try await Chain(OneAnswer(json)).head(number: 7) == head)
        await #expect(throws: ChainError.self) { try await Chain(OneAnswer(json)).head(number: 8) }
        for member in ["number", "hash", "parentHash", "timestamp", "gasLimit"] {
            await #expect(throws: ChainError.self, "\(member)") {
                try await Chain(OneAnswer(json.with(member, nil))).head()
            }
        }
        await #expect(throws: ChainError.self) {
            try await Chain(OneAnswer(json.with("timestamp", .string("0xffffffffffffffff")))).head()
        }
    }

    @Test("that is an event was asked for")
    func events() async throws {
        let filter = LogFilter(address: Self.account, topics: [[Self.hash], nil], from: 5, to: 9)
        func ask(_ log: ChainLog) async throws -> [ChainLog] {
            try await Chain(OneAnswer(.array([JSONValue(log)]))).logs(filter)
        }
        #expect(try await ask(Self.log()) == [Self.log()])
        #expect(try await ask(Self.log { $0.removed = true }).isEmpty)
        let others: [(inout ChainLog) -> Void] = [
            { $0.address = .zero }, { $0.topics = [Self.other, Self.other] }, { $0.topics = [Self.hash] },
            { $0.topics = [] }, { $0.blockNumber = 4 }, { $0.blockNumber = 10 },
        ]
        for change in others {
            await #expect(throws: ChainError.malformedEvent) { try await ask(Self.log(change)) }
        }
    }

    @Test("that is a transaction is the one that was asked for")
    func transactions() async throws {
        let signed = FakeChain.transaction(nonce: 5, data: [1])
        let json = JSONValue(try #require(RawTransaction(signed.raw)), in: nil)
        let found = try #require(try await Chain(OneAnswer(json)).transaction(signed.hash))
        #expect(found.nonce == 5)
        #expect(found.from == signed.from)
        await #expect(throws: ChainError.self) { try await Chain(OneAnswer(json)).transaction(Self.hash) }
        for member in ["hash", "from", "nonce", "input"] {
            await #expect(throws: ChainError.self, "\(member)") {
                try await Chain(OneAnswer(json.with(member, nil))).transaction(signed.hash)
            }
        }
    }

    @Test("that names another transaction than the one sent leaves its fate open")
    func sentHash() async {
        let error = await #expect(throws: ChainError.self) {
            try await Chain(OneAnswer(.hash(Self.hash))).send([2, 1])
        }
        #expect(error?.code == .malformedAnswer)
        #expect(error?.mayHaveActed == true)
    }
}

extension ChainError {
    fileprivate static let malformedEvent = ChainError(.malformedAnswer, "an event that was not asked for")
}

extension JSONValue {
    /// The same object with one member changed, added, or without it.
    func with(_ key: String, _ value: JSONValue?) -> JSONValue {
        guard case .object(var members) = self else { return self }
        members.removeAll { $0.key == key }
        if let value { members.append(JSONMember(key, value)) }
        return .object(members)
    }
}
