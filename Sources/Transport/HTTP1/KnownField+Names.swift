extension KnownField {
    /// The known field of a lower-case name; `other` where it is none.
    package static func named(_ name: String) -> KnownField {
        if name.hasPrefix("x-farebox-") { return .xFarebox }
        return names.first { String(describing: $0.0) == name }?.1 ?? .other
    }

    /// The lower-case spelling of every known name; `x-farebox-` names go by their prefix.
    static let names: [(StaticString, KnownField)] = [
        ("host", .host), ("content-length", .contentLength), ("transfer-encoding", .transferEncoding),
        ("connection", .connection), ("keep-alive", .keepAlive), ("proxy-connection", .proxyConnection), ("te", .te),
        ("trailer", .trailer), ("upgrade", .upgrade), ("expect", .expect),
        ("proxy-authenticate", .proxyAuthenticate), ("proxy-authorization", .proxyAuthorization),
        ("max-forwards", .maxForwards),
        ("forwarded", .forwarded), ("via", .via), ("x-forwarded-for", .xForwardedFor),
        ("x-forwarded-proto", .xForwardedProto), ("x-forwarded-host", .xForwardedHost),
        ("x-forwarded-port", .xForwardedPort), ("x-real-ip", .xRealIP), ("origin", .origin),
        ("access-control-request-method", .accessControlRequestMethod),
        ("access-control-request-headers", .accessControlRequestHeaders),
        ("access-control-allow-origin", .accessControlAllowOrigin),
        ("access-control-expose-headers", .accessControlExposeHeaders),
        ("date", .date), ("server", .server), ("cache-control", .cacheControl), ("accept", .accept),
        ("accept-encoding", .acceptEncoding), ("content-type", .contentType), ("content-encoding", .contentEncoding),
        ("range", .range), ("location", .location), ("vary", .vary), ("etag", .etag), ("user-agent", .userAgent),
        ("authorization", .authorization), ("cookie", .cookie), ("set-cookie", .setCookie),
        ("payment-signature", .paymentSignature), ("payment-required", .paymentRequired),
        ("payment-response", .paymentResponse), ("x-payment", .xPayment), ("x-payment-response", .xPaymentResponse),
        ("x-payment-required", .xPaymentRequired), ("payment-grant", .paymentGrant), ("payment-retry", .paymentRetry),
        ("sign-in-with-x", .signInWithX), ("settlement-overrides", .settlementOverrides),
        ("x-http-method-override", .requestOverride), ("x-http-method", .requestOverride),
        ("x-method-override", .requestOverride),
        ("x-original-url", .requestOverride), ("x-rewrite-url", .requestOverride), ("idempotency-key", .idempotencyKey),
        ("x-request-id", .xRequestID), ("www-authenticate", .wwwAuthenticate), ("retry-after", .retryAfter),
    ]
}
