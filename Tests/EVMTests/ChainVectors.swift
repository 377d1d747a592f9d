import Foundation
import Primitives
import Testing

@testable import EVM

/// Encodings of calls and transactions, made by the reference libraries.
struct ChainVectors: Decodable {
    struct Transaction: Decodable, CustomTestStringConvertible {
        let name: String
        let chainId: UInt64
        let nonce: String
        let maxPriorityFee: String
        let maxFee: String
        let gasLimit: String
        let to: String?
        let value: String
        let data: String
        let raw: String
        let hash: String

        var testDescription: String { name }
    }

    struct Multicall: Decodable, CustomTestStringConvertible {
        let count: Int
        let aggregate3: String
        let tryAggregate: String
        let results: String

        var testDescription: String { "\(count) calls" }
    }

    struct Call: Decodable {
        let target: String
        let mayFail: Bool
        let data: String
    }

    struct Undeployed: Decodable, CustomTestStringConvertible {
        let factory: String
        let callData: String
        let signature: String
        let bytes: String

        var testDescription: String { factory }
    }

    struct Revert: Decodable, CustomTestStringConvertible {
        let name: String
        let data: String
        let text: String

        var testDescription: String { name }
    }

    struct Value: Decodable, CustomTestStringConvertible {
        let value: String
        let encoded: String

        var testDescription: String { value }
    }

    struct List: Decodable {
        let items: [String]
        let encoded: String
    }

    let signer: String
    let transactions: [Transaction]
    let multicall: [Multicall]
    let multicallCalls: [Call]
    let undeployed: [Undeployed]
    let reverts: [Revert]
    let calls: [String: String]
    let rlpIntegers: [Value]
    let rlpStrings: [Value]
    let rlpLists: [List]

    static let shared: ChainVectors? = {
        let file = Bundle.module.url(forResource: "chain-vectors", withExtension: "json", subdirectory: "Resources")
        return file.flatMap { try? JSONDecoder().decode(ChainVectors.self, from: Data(contentsOf: $0)) }
    }()
}

/// The bytes of hexadecimal digits.
func bytes(_ text: String) throws -> [UInt8] {
    try #require(Hex.decode(text))
}
