/// Names of the header fields of x402 and of the plain form.
package enum WireHeader {
    package static let paymentRequired = "PAYMENT-REQUIRED"
    package static let paymentSignature = "PAYMENT-SIGNATURE"
    package static let paymentResponse = "PAYMENT-RESPONSE"
    package static let xPayment = "X-PAYMENT"
    package static let xPaymentResponse = "X-PAYMENT-RESPONSE"
    package static let xPaymentRequired = "X-Payment-Required"

    /// Value of `Access-Control-Expose-Headers` on every answer of a priced route, 402 included.
    package static let exposed = "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, X-Payment-Required"
}
