import EVM
import Facilitator
import Primitives
import Synchronization
import Testing
import X402

/// The offers of the tests, and payers for them.
enum Offers {
    /// The second at which every test begins.
    static let start: Int64 = 1_800_000_000
    static let validBefore = UnixTime(start + 3600)
    static let maxTimeoutSeconds = 60

    static let asset: KnownAsset = {
        guard let asset = AssetCatalogue.asset(id: "usdc@base-sepolia") else { preconditionFailure("no such asset") }
        return asset
    }()
    static let network = Network(chainID: asset.chainID)
    static let pattern: NetworkPattern = {
        guard let pattern = NetworkPattern(asset.network) else { preconditionFailure("no such network") }
        return pattern
    }()
    static let seller = address(0x5e)
    static let otherSeller = address(0x5f)

    static func address(_ byte: UInt8) -> Address {
        [UInt8](repeating: byte, count: 20).withUnsafeBytes { Address($0) }
    }

    static func offer(
        _ amount: UInt64 = 1000, to seller: Address = Offers.seller, timeout: Int = maxTimeoutSeconds
    ) -> PaymentRequirements {
        PaymentRequirements(
            network: network, asset: .address(asset.address), amount: UInt256(amount), payTo: .address(seller),
            maxTimeoutSeconds: timeout, extra: OfferExtra(name: asset.name, version: asset.version))
    }
}

/// A key with funds, as far as the tests care.
struct Payer: Sendable {
    let key: PrivateKey

    init(_ digit: Int = 1) {
        guard
            let key = PrivateKey(
                hex: String(repeating: "0", count: 62) + (digit < 16 ? "0" : "") + String(digit, radix: 16))
        else { preconditionFailure("a key of \(digit)") }
        self.key = key
    }

    /// A payment of the whole offer, signed; a nonce makes it another payment.
    func pay(
        _ offer: PaymentRequirements = Offers.offer(), nonce: UInt8 = 1, form: PaymentForm = .v2,
        validBefore: Int64 = Offers.start + 3600
    ) -> Payment {
        let to = offer.payTo.address ?? Offers.seller
        let nonce = [UInt8](repeating: nonce, count: 32).withUnsafeBytes { Bytes32($0) }
        let authorization = TransferAuthorization(
            from: key.address, to: to, value: offer.amount, validAfter: UInt256(0),
            validBefore: UInt256(UInt64(validBefore)), nonce: nonce)
        let signature = key.sign(digest: authorization.digest(in: Offers.asset.domain))
        let transfer = SignedTransfer(
            from: key.address, to: to, value: offer.amount, validAfter: UInt256(0),
            validBefore: UInt256(UInt64(validBefore)), nonce: nonce,
            signature: .rsv(r: signature.r, s: signature.s, v: signature.v))
        let accepted = AcceptedOffer(
            asset: offer.asset, amount: offer.amount, payTo: offer.payTo, maxTimeoutSeconds: offer.maxTimeoutSeconds,
            extra: offer.extra)
        return Payment(
            form: form, scheme: "exact", network: offer.network, asset: form == .plain ? offer.asset : nil,
            accepted: form == .v2 ? accepted : nil, payload: .transfer(transfer))
    }
}

extension Payment {
    /// The field line that carries the payment.
    var line: String {
        (form == .v2 ? "PAYMENT-SIGNATURE: " : "X-PAYMENT: ") + headerValue() + "\r\n"
    }

    /// The same under an id of the client's.
    func line(id: String) -> String {
        guard case .object(let members) = json else { return line }
        let info = JSONValue.object([JSONMember("required", .bool(false)), JSONMember("id", .string(id))])
        let extensions = JSONValue.object([
            JSONMember("payment-identifier", .object([JSONMember("info", info)]))
        ])
        let value = JSONValue.object(members + [JSONMember("extensions", extensions)])
        return "PAYMENT-SIGNATURE: " + Base64.encode(value.encoded()) + "\r\n"
    }
}

/// A clock that only a test moves.
final class TestClock: Sendable {
    private let seconds = Mutex(Offers.start)

    var now: UnixTime { seconds.withLock { UnixTime($0) } }
    func advance(_ by: Int64) { seconds.withLock { $0 += by } }
}

/// The receipt of an answer, read out of its header.
func receipt(_ answer: TestAnswer, form: PaymentForm = .v2) throws -> Receipt {
    let name = form == .v2 ? "payment-response" : "x-payment-response"
    let value = try #require(answer[name], "no receipt in \(answer.head.start)")
    return try Receipt.parse(header: value)
}
