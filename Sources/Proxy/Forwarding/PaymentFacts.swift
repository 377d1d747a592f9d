import Facilitator
import Ledger
import NIOCore
import Primitives
import Transport
import X402

/// What an upstream is told of the payment that opened a request (`forward_payment`).
///
/// `X-Farebox-Payer`, `-Amount`, `-Asset`, `-Network`, `-Payment`; signed, also `-Time` and `-Signature`: `v1=` and the hex of
/// HMAC-SHA-256 over `v1`, time, method, target and the five values, joined by line feeds.
struct PaymentFacts {
    private let values: [(name: StaticString, value: String)]
    private let key: [UInt8]?
    private let now: UnixTime

    init(_ offer: PaymentRequirements, _ verified: VerifiedPayment, key: [UInt8]?, now: UnixTime) {
        values = [
            ("x-farebox-payer: ", Self.fieldValue(verified.payer)),
            ("x-farebox-amount: ", offer.amount.description),
            ("x-farebox-asset: ", Self.fieldValue(offer.asset.description)),
            ("x-farebox-network: ", offer.network.name),
            ("x-farebox-payment: ", verified.identity.publicID),
        ]
        self.key = key
        self.now = now
    }

    /// A rail's own names may hold anything: what is not visible ASCII never enters a field line.
    private static func fieldValue(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x21..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    /// Appends the field lines; `target` is what is forwarded.
    func write(method: UnsafeRawBufferPointer, target: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) {
        for (name, value) in values {
            buffer.writeStaticString(name)
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        guard let key else { return }
        var message = Array("v1\n\(now.seconds)\n".utf8)
        message.append(contentsOf: method)
        message.append(UInt8(ascii: "\n"))
        message.append(contentsOf: target)
        for (_, value) in values {
            message.append(UInt8(ascii: "\n"))
            message.append(contentsOf: value.utf8)
        }
        buffer.writeStaticString("x-farebox-time: ")
        buffer.writeString(String(now.seconds))
        buffer.writeStaticString("\r\nx-farebox-signature: v1=")
        buffer.writeString(Hex.encode(HMACSHA256.authenticate(message, key: key).bytes, prefix: false))
        buffer.writeStaticString("\r\n")
    }
}
