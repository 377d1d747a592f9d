/// A field name that the proxy treats specially.
package enum KnownField: UInt8, Sendable, CaseIterable {
    case other
    // Framing and hop-by-hop fields, RFC 9110 §7.6.1 and RFC 9112.
    case host, contentLength, transferEncoding, connection, keepAlive, proxyConnection, te, trailer, upgrade, expect
    case proxyAuthenticate, proxyAuthorization
    // Forwarding facts.
    case forwarded, via, xForwardedFor, xForwardedProto, xForwardedHost, xForwardedPort, xRealIP
    // Cross-origin requests.
    case origin, accessControlRequestMethod, accessControlRequestHeaders
    case accessControlAllowOrigin, accessControlExposeHeaders
    // Representation and caching.
    case date, server, cacheControl, accept, acceptEncoding, contentType, contentEncoding, range, location, vary, etag
    case userAgent, authorization, cookie, setCookie
    // Payments, in every name in use.
    case paymentSignature, paymentRequired, paymentResponse, xPayment, xPaymentResponse, xPaymentRequired
    case paymentGrant, paymentRetry, signInWithX, settlementOverrides
    /// Any name that starts with `x-farebox-`.
    case xFarebox
    /// `X-HTTP-Method-Override`, `X-HTTP-Method` and `X-Method-Override`.
    case xHTTPMethodOverride
    case idempotencyKey, xRequestID, wwwAuthenticate, retryAfter
}
