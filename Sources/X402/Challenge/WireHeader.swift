/// Names of the header fields of x402 and of the plain form.
package enum WireHeader {
    /// Version 2, in a 402: the offers.
    package static let paymentRequired = "PAYMENT-REQUIRED"
    /// Version 2, in a request: the payment.
    package static let paymentSignature = "PAYMENT-SIGNATURE"
    /// Version 2, in an answer: the receipt.
    package static let paymentResponse = "PAYMENT-RESPONSE"
    /// Version 1 and the plain form, in a request: the payment.
    package static let xPayment = "X-PAYMENT"
    /// Version 1 and the plain form, in an answer: the receipt.
    package static let xPaymentResponse = "X-PAYMENT-RESPONSE"
    /// The plain form, in a 402: the first EVM offer.
    package static let xPaymentRequired = "X-Payment-Required"

    /// Value of `Access-Control-Expose-Headers` on every answer of a priced route, 402 included.
    package static let exposed = "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, X-Payment-Required"
}
