import Foundation
import Primitives
import Testing
import X402

/// A payment of the fixtures, in every form that its network has.
struct PaymentVector: Decodable, Sendable, CustomTestStringConvertible {
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

    let name: String
    let domain: Domain
    let message: Message
    let signature: String
    let maxTimeoutSeconds: Int
    let v2: [String: String]
    let v1: [String: String]?

    var testDescription: String { name }

    static let transfers: [PaymentVector] = all.transfers
    static let specification: PaymentVector = all.specSample

    private struct File: Decodable {
        let transfers: [PaymentVector]
        let specSample: PaymentVector
    }

    private static let all: File = {
        guard let url = Bundle.module.url(forResource: "payments", withExtension: "json", subdirectory: "Resources"),
            let data = try? Data(contentsOf: url), let file = try? JSONDecoder().decode(File.self, from: data)
        else { preconditionFailure("the fixture payments.json cannot be read") }
        return file
    }()
}

extension PaymentVector {
    var network: Network { Network(chainID: domain.chainId) }

    /// The transfer, from the fixture's own fields.
    func transfer() throws -> SignedTransfer {
        let signature = try #require(Hex.decode(signature))
        return SignedTransfer(
            from: try #require(Address(message.from)), to: try #require(Address(message.to)),
            value: try #require(UInt256(message.value)), validAfter: try #require(UInt256(message.validAfter)),
            validBefore: try #require(UInt256(message.validBefore)),
            nonce: try #require(Bytes32(hex: message.nonce)),
            signature: .rsv(
                r: try #require(Bytes32(Array(signature[0..<32]))), s: try #require(Bytes32(Array(signature[32..<64]))),
                v: signature[64]))
    }

    /// The offer that the payment takes, from the fixture's own fields.
    func offer() throws -> PaymentRequirements {
        PaymentRequirements(
            network: network, asset: .address(try #require(Address(domain.verifyingContract))),
            amount: try #require(UInt256(message.value)), payTo: .address(try #require(Address(message.to))),
            maxTimeoutSeconds: maxTimeoutSeconds, extra: OfferExtra(name: domain.name, version: domain.version))
    }

    func payment(_ form: PaymentForm) throws -> Payment {
        let payload = SchemePayload.transfer(try transfer())
        guard form == .v2 else {
            return Payment(form: form, scheme: "exact", network: form == .v1 ? network : nil, payload: payload)
        }
        let offer = try offer()
        return Payment(
            form: .v2, scheme: "exact", network: network,
            accepted: AcceptedOffer(
                asset: offer.asset, amount: offer.amount, payTo: offer.payTo, maxTimeoutSeconds: maxTimeoutSeconds,
                extra: offer.extra),
            payload: payload)
    }
}

/// Reads one header value with a fresh reader.
func read(_ header: String) -> PaymentReading {
    var reader = PaymentReader()
    return Array(header.utf8).withUnsafeBytes { reader.read($0) }
}

/// Reads both header values with a fresh reader.
func read(paymentSignature: String?, xPayment: String?) -> PaymentReading {
    var reader = PaymentReader()
    let one = paymentSignature.map { Array($0.utf8) }
    let two = xPayment.map { Array($0.utf8) }
    return withBytes(one) { one in withBytes(two) { reader.read(paymentSignature: one, xPayment: $0) } }
}

private func withBytes<R>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
    guard let bytes else { return body(nil) }
    return bytes.withUnsafeBytes { body($0) }
}

func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
