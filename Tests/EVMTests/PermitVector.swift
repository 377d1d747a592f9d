import Foundation
import Primitives
import Testing

@testable import EVM

/// A Permit2 message with what the reference libraries make of it.
struct PermitVector: Decodable, CustomTestStringConvertible {
    let name: String
    let chainId: UInt64
    let owner: String
    let token: String
    let amount: String
    let nonce: String
    let deadline: String
    let to: String
    let facilitator: String?
    let validAfter: String
    let moved: String
    let domainSeparator: String
    let structHash: String
    let digest: String
    let signature: String
    let callData: String
    let callDataWithPermit: String

    var testDescription: String { name }

    static var all: [PermitVector] { file?.permits ?? [] }
    static var typeHashes: [String: String] { file?.typeHashes ?? [:] }

    private struct File: Decodable {
        let typeHashes: [String: String]
        let permits: [PermitVector]
    }

    private static let file: File? = {
        let file = Bundle.module.url(forResource: "permit2-vectors", withExtension: "json", subdirectory: "Resources")
        return file.flatMap { try? JSONDecoder().decode(File.self, from: Data(contentsOf: $0)) }
    }()
}

extension PermitVector {
    func permit() throws -> PermitTransfer {
        PermitTransfer(
            owner: try #require(Address(owner)), token: try #require(Address(token)),
            amount: try #require(UInt256(amount)), nonce: try #require(UInt256(nonce)),
            deadline: try #require(UInt256(deadline)),
            witness: PermitTransfer.Witness(
                to: try #require(Address(to)), validAfter: try #require(UInt256(validAfter)),
                facilitator: try facilitator.map { try #require(Address($0)) }))
    }
}
