import Primitives
import X402

/// The header field that carries a payment.
struct PaymentField: Hashable {
    let name: String
    /// Base64 of the payload; as good as the money in it until it is settled.
    let value: String
    /// Where and for how much, as the payment itself says.
    let payment: Payment

    init(_ payment: Payment, payload: JSONValue) {
        name = Self.name(of: payment.form)
        value = Base64.encode(payload.encoded())
        self.payment = payment
    }

    /// A payment that was made before; nil when the text is not one.
    init?(resending text: String) {
        var reader = PaymentReader()
        var text = text
        guard case .payment(let payment) = text.withUTF8({ reader.read(UnsafeRawBufferPointer($0)) }) else {
            return nil
        }
        name = Self.name(of: payment.form)
        value = text
        self.payment = payment
    }

    private static func name(of form: PaymentForm) -> String {
        form == .v2 ? WireHeader.paymentSignature : WireHeader.xPayment
    }
}
