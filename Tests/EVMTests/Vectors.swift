import Foundation
import Primitives
import Testing

@testable import EVM

/// The ERC-3009 vectors, made by the reference libraries.
struct Vectors: Decodable {
    struct Domain: Decodable {
        let name: String
        let version: String
        let chainId: UInt64
        let verifyingContract: String
    }

    struct Message: Decodable {
        let from: String
        let to: String
        let value: String
        let validAfter: String
        let validBefore: String
        let nonce: String
    }

    struct Transfer: Decodable, CustomTestStringConvertible {
        let name: String
        let privateKey: String
        let payer: String
        let domain: Domain
        let message: Message
        let domainSeparator: String
        let structHash: String
        let digest: String
        let signature: String
        let r: String
        let s: String
        let v: UInt8
        let signatureV01: String
        let signatureEIP2098: String
        let signatureHighS: String
        let calldataVRS: String
        let calldataBytes: String

        var testDescription: String { name }
    }

    struct Negative: Decodable, CustomTestStringConvertible {
        let `case`: String
        let digest: String
        let signature: String
        let recovers: String
        let expectedPayer: String

        var testDescription: String { `case` }
    }

    struct Token: Decodable, CustomTestStringConvertible {
        let caip2: String
        let chainId: UInt64
        let asset: String
        let name: String
        let version: String
        let decimals: Int
        let domainSeparator: String

        var testDescription: String { caip2 }
    }

    struct Sample: Decodable {
        let domain: Domain
        let message: Message
        let digest: String
        let signature: String
    }

    let typeHashes: [String: String]
    let selectors: [String: String]
    let halfOrder: String
    let usdc: [Token]
    let transfers: [Transfer]
    let negative: [Negative]
    let specificationSample: Sample

    static let shared: Vectors? = {
        let file = Bundle.module.url(forResource: "eip3009-vectors", withExtension: "json", subdirectory: "Resources")
        return file.flatMap { try? JSONDecoder().decode(Vectors.self, from: Data(contentsOf: $0)) }
    }()

    static var transfers: [Transfer] { shared?.transfers ?? [] }
    static var negative: [Negative] { shared?.negative ?? [] }
    static var usdc: [Token] { shared?.usdc ?? [] }
}

extension Vectors.Domain {
    func domain() throws -> TypedDataDomain {
        let contract = try #require(Address(verifyingContract))
        return TypedDataDomain(name: name, version: version, chainID: chainId, verifyingContract: contract)
    }
}

extension Vectors.Message {
    func authorization() throws -> TransferAuthorization {
        TransferAuthorization(
            from: try #require(Address(from)), to: try #require(Address(to)), value: try #require(UInt256(value)),
            validAfter: try #require(UInt256(validAfter)), validBefore: try #require(UInt256(validBefore)),
            nonce: try #require(Bytes32(hex: nonce)))
    }
}

/// The outcome of parsing a signature written in hexadecimal digits.
func parse(_ text: String) throws -> RecoverableSignature.Parsed {
    try #require(Hex.decode(text)).withUnsafeBytes { RecoverableSignature.parse($0) }
}

/// The signature written in hexadecimal digits, which must be an acceptable one.
func signature(_ text: String) throws -> RecoverableSignature {
    guard case .signature(let signature) = try parse(text) else {
        throw NotASignature(text: text)
    }
    return signature
}

/// A vector that should have been a signature.
struct NotASignature: Error {
    let text: String
}
