/// A field name that the proxy treats specially.
package enum KnownField: UInt8, Sendable, CaseIterable {
    case other
    // Framing and hop-by-hop fields, RFC 9110 §7.6.1 and RFC 9112.
    case host, contentLength, transferEncoding, connection, keepAlive, proxyConnection, te, trailer, upgrade, expect
    case proxyAuthenticate, proxyAuthorization, maxForwards
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
    /// What makes frameworks take a request for another: `X-HTTP-Method-Override`, `X-HTTP-Method`, `X-Method-Override`;
    /// `X-Original-URL`, `X-Rewrite-URL`.
    case requestOverride
    /// The name of a field that only we may write, but with `_` for a `-`.
    ///
    /// Servers after the manner of CGI read both as one (RFC 3875 §4.1.18).
    case imitation
    case idempotencyKey, xRequestID, wwwAuthenticate, retryAfter

    /// Whether another spelling of the name would be believed.
    var isWorthImitating: Bool {
        switch self {
        case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .xRealIP,
            .paymentSignature, .paymentRequired, .paymentResponse, .xPayment, .xPaymentResponse, .xPaymentRequired,
            .paymentGrant, .paymentRetry, .signInWithX, .settlementOverrides, .xFarebox, .requestOverride:
            true
        default:
            false
        }
    }
}
