import EVM
import Foundation
import Primitives
import Testing
import X402

/// One signed authorization of `transfers.json`, with the requests that carry it.
struct TransferVector: Sendable, CustomTestStringConvertible {
    let name: String
    let key: PrivateKey
    let payer: Address
    let offer: PaymentRequirements
    let transfer: SignedTransfer
    /// The bytes of further signatures over the same message.
    let signatureV01: [UInt8]
    let compactSignature: [UInt8]
    let highSSignature: [UInt8]
    let requestV1: [UInt8]?
    let requestV2: [UInt8]

    var testDescription: String { name }

    /// A second at which the authorization is valid.
    var now: UnixTime { UnixTime(Int64((transfer.validBefore.uint64 ?? 0) - 60)) }

    /// The payment in version 2 form.
    var payment: Payment { Payment.v2(transfer, for: offer) }

    /// The vectors, in the order of the file.
    static let all: [TransferVector] = file.array("transfers").map(TransferVector.init)
    /// 0.01 USDC on Base Sepolia.
    static let usdc: TransferVector = all[0]

    static let negative: [NegativeVector] = file.array("negative").map(NegativeVector.init)
    /// A signature of a wallet that is not deployed yet.
    static let wrapped: [UInt8] = Hex.decode(file.text("erc6492")) ?? []

    private static let file: JSONValue = {
        guard let url = Bundle.module.url(forResource: "Resources/transfers", withExtension: "json"),
            let data = try? Data(contentsOf: url), let value = try? JSONValue.parse([UInt8](data))
        else { preconditionFailure("transfers.json cannot be read") }
        return value
    }()

    private init(_ json: JSONValue) {
        let domain = json.object("domain")
        let message = json.object("message")
        guard let key = PrivateKey(hex: json.text("privateKey")), let network = Network(json.text("network")),
            let payer = Address(json.text("payer")), let signature = Hex.decode(json.text("signature")),
            let from = Address(message.text("from")), let to = Address(message.text("to")),
            let value = UInt256(message.text("value")), let validAfter = UInt256(message.text("validAfter")),
            let validBefore = UInt256(message.text("validBefore")), let nonce = Bytes32(hex: message.text("nonce"))
        else { preconditionFailure("transfers.json has a malformed vector") }
        name = json.text("name")
        self.key = key
        self.payer = payer
        offer = PaymentRequirements(
            network: network, asset: Account(domain.text("verifyingContract")), amount: value, payTo: .address(to),
            maxTimeoutSeconds: 60, extra: OfferExtra(name: domain.text("name"), version: domain.text("version")))
        transfer = SignedTransfer(
            from: from, to: to, value: value, validAfter: validAfter, validBefore: validBefore, nonce: nonce,
            signature: PaymentSignature(signature))
        signatureV01 = Hex.decode(json.text("signatureV01")) ?? []
        compactSignature = Hex.decode(json.text("signatureEip2098")) ?? []
        highSSignature = Hex.decode(json.text("signatureHighS_mustReject")) ?? []
        requestV1 = json["v1"]?.encoded()
        requestV2 = json.object("v2").encoded()
    }
}

/// A signature that does not hold under some other domain.
struct NegativeVector: Sendable, CustomTestStringConvertible {
    let name: String
    let signature: [UInt8]

    var testDescription: String { name }

    fileprivate init(_ json: JSONValue) {
        name = json.text("case")
        signature = Hex.decode(json.text("signature")) ?? []
    }
}

extension JSONValue {
    fileprivate func text(_ key: String) -> String { self[key]?.string ?? "" }

    fileprivate func object(_ key: String) -> JSONValue { self[key] ?? .null }

    fileprivate func array(_ key: String) -> [JSONValue] {
        guard case .array(let values)? = self[key] else { return [] }
        return values
    }
}
