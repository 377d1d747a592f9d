import EVM
import Primitives
import X402

extension PaymentSignature {
    /// As the wire's reader sorts them: 65 bytes in parts, everything else as it is.
    init(_ bytes: [UInt8]) {
        if bytes.count == 65, let r = Bytes32(Array(bytes[0..<32])), let s = Bytes32(Array(bytes[32..<64])) {
            self = .rsv(r: r, s: s, v: bytes[64])
        } else {
            self = .bytes(bytes)
        }
    }
}

extension Payment {
    /// A version 2 payment that echoes the offer.
    static func v2(_ transfer: SignedTransfer, for offer: PaymentRequirements) -> Payment {
        Payment.v2(.transfer(transfer), for: offer)
    }

    static func v2(_ payload: SchemePayload, for offer: PaymentRequirements) -> Payment {
        Payment(
            form: .v2, scheme: offer.scheme, network: offer.network,
            accepted: AcceptedOffer(
                asset: offer.asset, amount: offer.amount, payTo: offer.payTo,
                maxTimeoutSeconds: offer.maxTimeoutSeconds, extra: offer.extra),
            payload: payload)
    }

    static func v1(_ transfer: SignedTransfer, for offer: PaymentRequirements) -> Payment {
        Payment(form: .v1, scheme: offer.scheme, network: offer.network, payload: .transfer(transfer))
    }
}

/// A payer with a key of its own.
struct TestPayer: Sendable {
    let key: PrivateKey

    init(key: PrivateKey = TransferVector.usdc.key) {
        self.key = key
    }

    /// Signs what the offer asks for; every difference is an argument.
    func sign(
        _ offer: PaymentRequirements, nonce: UInt64 = 1, validAfter: UInt64 = 0, validBefore: UInt64,
        to: Address? = nil, value: UInt256? = nil
    ) -> SignedTransfer {
        guard let asset = offer.asset.address, let payTo = to ?? offer.payTo.address,
            let chainID = offer.network.chainID,
            let nonce = Bytes32(UInt256(nonce).bigEndianBytes)
        else { preconditionFailure("only transfers can be signed") }
        let message = TransferAuthorization(
            from: key.address, to: payTo, value: value ?? offer.amount, validAfter: UInt256(validAfter),
            validBefore: UInt256(validBefore), nonce: nonce)
        let domain = TypedDataDomain(
            name: offer.extra.name ?? "", version: offer.extra.version ?? "", chainID: chainID,
            verifyingContract: asset)
        let signature = key.sign(digest: message.digest(in: domain))
        return SignedTransfer(
            from: message.from, to: message.to, value: message.value, validAfter: message.validAfter,
            validBefore: message.validBefore, nonce: message.nonce, signature: PaymentSignature(signature.bytes65))
    }
}

/// Offers and times that the tests share.
enum Fixture {
    static let now = UnixTime(1_800_000_000)
    static let offer = TransferVector.usdc.offer
    static let validBefore = UInt64(now.seconds) + 60

    /// An offer on an offchain network.
    static var bankOffer: PaymentRequirements {
        guard let network = Network("offchain:bank") else { preconditionFailure("not CAIP-2") }
        return PaymentRequirements(
            network: network, asset: .named("USD"), amount: UInt256(250), payTo: .named("merchant-1"),
            maxTimeoutSeconds: 300)
    }

    static func bankPayment(_ members: [(String, JSONValue)], for offer: PaymentRequirements = bankOffer) -> Payment {
        Payment.v2(.other(.object(members.map { JSONMember($0.0, $0.1) })), for: offer)
    }

    static func pattern(_ text: String) -> NetworkPattern {
        guard let pattern = NetworkPattern(text) else { preconditionFailure("not a pattern") }
        return pattern
    }

    static func network(_ text: String) -> Network {
        guard let network = Network(text) else { preconditionFailure("not CAIP-2") }
        return network
    }
}
