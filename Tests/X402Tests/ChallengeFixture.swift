import Foundation
import Primitives
import Testing
import X402

/// A 402 as it was written, and the readers of other servers' and clients' makers over it.
struct RenderedChallenge {
    let head: String
    let body: String

    init(
        _ template: ChallengeTemplate, error: ChallengeError = .unpaid, target: String = "/",
        expires: UInt64 = 1_893_456_000,
        requestID: String = "req-1", adding members: [JSONMember]? = nil
    ) {
        let target = Array(target.utf8)
        let id = Array(requestID.utf8)
        let extensions = members.map(template.extensions(adding:))
        let headBound = template.headBound(targetBytes: target.count, errorBytes: error.byteCount)
        head = Self.text(headBound + (extensions?.count ?? 0)) { room in
            target.withUnsafeBytes {
                template.writeHead(
                    error: error, target: $0, expires: expires, extensions: extensions, into: room)
            }
        }
        let bound = template.bodyBound(
            targetBytes: target.count, errorBytes: error.byteCount, requestIDBytes: id.count)
        body = Self.text(bound) { room in
            target.withUnsafeBytes { target in
                id.withUnsafeBytes { template.writeBody(error: error, target: target, requestID: $0, into: room) }
            }
        }
    }

    private static func text(_ bound: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int) -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            count = write(UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<bound]))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    var lines: [String] { head.components(separatedBy: "\r\n") }

    /// All values of a field.
    func values(_ name: String) -> [String] {
        lines.dropFirst().compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { return nil }
            return parts[1].trimmingCharacters(in: .whitespaces)
        }
    }

    func version2() throws -> RequiredV2 {
        let value = try #require(values("PAYMENT-REQUIRED").first)
        return try JSONDecoder().decode(RequiredV2.self, from: try #require(Data(base64Encoded: value)))
    }

    func version1() throws -> RequiredV1 {
        try JSONDecoder().decode(RequiredV1.self, from: Data(body.utf8))
    }
}

/// Version 2's PaymentRequired as a strict reader declares it.
struct RequiredV2: Decodable {
    struct Resource: Decodable {
        let url: String
        let description: String
        let mimeType: String
    }

    struct Entry: Decodable {
        let scheme: String
        let network: String
        let amount: String
        let asset: String
        let payTo: String
        let maxTimeoutSeconds: Int
        let extra: [String: String]?
    }

    let x402Version: Int
    let error: String
    let resource: Resource
    let accepts: [Entry]
}

/// Version 1's body as the strictest reader, the legacy TypeScript package, declares it.
struct RequiredV1: Decodable {
    struct Entry: Decodable {
        let scheme: String
        let network: String
        let maxAmountRequired: String
        let resource: String
        let description: String
        let mimeType: String
        let payTo: String
        let maxTimeoutSeconds: Int
        let asset: String
        let extra: [String: String]?
    }

    let x402Version: Int
    let error: String
    let accepts: [Entry]
    let payer: String?
    let requestId: String?
}

enum Offers {
    static let payee = Account("0x70997970c51812dc3a010c7d01b50e0d17dc79c8")

    static func usdc(_ chain: UInt64, _ asset: String, amount: UInt64 = 10000) -> PaymentRequirements {
        PaymentRequirements(
            network: Network(chainID: chain), asset: Account(asset), amount: UInt256(amount), payTo: payee,
            maxTimeoutSeconds: 60, extra: OfferExtra(name: "USDC", version: "2"))
    }

    static let baseSepolia = usdc(84532, "0x036cbd53842c5426634e7929541ec2318f3dcf7e")
    static let base = usdc(8453, "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913")
    static let arbitrum = usdc(42161, "0xaf88d065e77c8cc2239327c5edb3a432268e5831")
    static let ethereum = usdc(1, "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")

    static func bank() throws -> PaymentRequirements {
        PaymentRequirements(
            network: try #require(Network("offchain:bank")), asset: .named("USD"), amount: UInt256(5),
            payTo: .named("acct-1"), maxTimeoutSeconds: 60)
    }
}
