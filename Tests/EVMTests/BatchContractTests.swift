import Foundation
import Primitives
import Testing

@testable import EVM

/// Calls that were executed on a real EVM by the kit of the end-to-end tests.
struct BatchVector: Decodable, CustomTestStringConvertible {
    struct Item: Decodable {
        let from: String
        let to: String
        let value: String
        let validAfter: String
        let validBefore: String
        let nonce: String
        let v: UInt8?
        let r: String?
        let s: String?
        let signature: String?

        func item() throws -> BatchContract.Item {
            let authorization = TransferAuthorization(
                from: try #require(Address(from)), to: try #require(Address(to)),
                value: try #require(UInt256(value)),
                validAfter: try #require(UInt256(validAfter)),
                validBefore: try #require(UInt256(validBefore)), nonce: try #require(Bytes32(hex: nonce)))
            if let signature {
                return try #require(BatchContract.Item(authorization, walletSignature: bytes(signature)))
            }
            let whole = try bytes(try #require(r)) + bytes(try #require(s)) + [try #require(v)]
            guard case .signature(let parts) = whole.withUnsafeBytes({ RecoverableSignature.parse($0) }) else {
                throw Unreadable()
            }
            return BatchContract.Item(authorization, parts)
        }
    }

    struct Log: Decodable {
        let topics: [String]
        let data: String

        func log() throws -> ChainLog {
            ChainLog(
                address: .zero, topics: try topics.map { try #require(Bytes32(hex: $0)) }, data: try bytes(data),
                blockNumber: 1, blockHash: .zero, transaction: .zero, index: 0)
        }
    }

    struct Unreadable: Error {}

    let name: String
    let token: String
    let gasCap: UInt64
    let items: [Item]
    let callData: String
    let gasLimit: UInt64
    let returned: String
    let settled: [Bool]
    let failures: [Log]

    var testDescription: String { name }

    static let all: [BatchVector] = {
        let file = Bundle.module.url(forResource: "batch-vectors", withExtension: "json", subdirectory: "Resources")
        let read = file.flatMap { try? JSONDecoder().decode([BatchVector].self, from: Data(contentsOf: $0)) }
        return read ?? []
    }()
}

@Suite("The batching contract")
struct BatchContractTests {
    @Test("has vectors")
    func vectors() {
        #expect(BatchVector.all.count == 5)
    }

    @Test("is called as the chain executed it", arguments: BatchVector.all)
    func calls(_ vector: BatchVector) throws {
        let items = try vector.items.map { try $0.item() }
        let token = try #require(Address(vector.token))
        let call = BatchContract.callData(token: token, items: items, gasCap: vector.gasCap)
        #expect(Hex.encode(call) == vector.callData)
        #expect(
            BatchContract.gasLimit(callData: call, items: items.count, gasCap: vector.gasCap) == vector.gasLimit)
    }

    @Test("says what became of each payment", arguments: BatchVector.all)
    func results(_ vector: BatchVector) throws {
        #expect(BatchContract.results(from: try bytes(vector.returned), count: vector.items.count) == vector.settled)
    }

    @Test("reports the payments that it passed over, with the token's reason", arguments: BatchVector.all)
    func failures(_ vector: BatchVector) throws {
        let failures = try vector.failures.map { try #require(BatchFailure($0.log())) }
        let passedOver = zip(vector.items, vector.settled).filter { !$0.1 }.map(\.0)
        #expect(failures.map(\.nonce) == passedOver.compactMap { Bytes32(hex: $0.nonce) })
        #expect(failures.map(\.authorizer) == passedOver.compactMap { Address($0.from) })
        let known = [
            "ERC20: transfer amount exceeds balance", "ECRecover: invalid signature length",
            RevertReason.empty.text,
        ]
        for failure in failures { #expect(known.contains(failure.reason.text), "\(failure.reason.text)") }
    }

    @Test("tells no result from an answer of another form")
    func otherAnswers() {
        let five = [UInt8](repeating: 0, count: 31) + [0b10101]
        #expect(BatchContract.results(from: five, count: 5) == [true, false, true, false, true])
        #expect(BatchContract.results(from: five, count: 4) == nil, "a bit without a payment")
        #expect(BatchContract.results(from: [], count: 5) == nil, "an address without code")
        #expect(BatchContract.results(from: five + [0], count: 5) == nil)
        let all = [UInt8](repeating: 0xFF, count: 32)
        #expect(BatchContract.results(from: all, count: 256) == [Bool](repeating: true, count: 256))
        #expect(BatchContract.results(from: all, count: 257) == nil)
        #expect(BatchContract.results(from: [UInt8](repeating: 0, count: 32), count: 0) == [])
    }

    @Test("takes a wallet's signature of up to a kilobyte")
    func longSignatures() throws {
        let authorization = try #require(try BatchVector.all.first?.items.first?.item()).authorization
        #expect(BatchContract.Item(authorization, walletSignature: [UInt8](repeating: 1, count: 1024)) != nil)
        #expect(BatchContract.Item(authorization, walletSignature: [UInt8](repeating: 1, count: 1025)) == nil)
        #expect(BatchContract.capacity(withWallets: true) == 32 && BatchContract.capacity(withWallets: false) == 256)
    }

    @Test("reads a failure only out of its own event")
    func otherEvents() throws {
        let log = try #require(BatchVector.all.flatMap(\.failures).first).log()
        #expect(BatchFailure(log) != nil)
        var other = log
        other.topics[0] = TransferLog.usedTopic
        #expect(BatchFailure(other) == nil)
        other = log
        other.topics.removeLast()
        #expect(BatchFailure(other) == nil)
        other = log
        other.data = Array(other.data.prefix(40))
        #expect(BatchFailure(other) == nil)
    }

    @Test("is deployed by Vyper's bytecode, which fits into a transaction")
    func creation() {
        #expect(BatchContract.creationCode.count == BatchContract.creationCodeHex.count / 2)
        // EIP-3860 limits creation code.
        #expect((1000...49_152).contains(BatchContract.creationCode.count))
    }
}
