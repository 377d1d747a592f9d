package import Primitives

/// What a 402 asks a payer to sign who has paid before: the `info` of the extension `sign-in-with-x`.
///
/// It is made anew for every 402 and not kept: the nonce carries the time, and an HMAC over all that varies. Five minutes
/// are what the official servers allow.
package struct SignInRequest: Hashable, Sendable {
    package static let validSeconds: Int64 = 300
    package static let statement = "Sign in to use what you have paid for."

    /// Host, and the port where it is not the scheme's own.
    package let domain: String
    /// The resource that was asked for.
    package let uri: String
    package let nonce: String
    package let issuedAt: String
    package let expirationTime: String

    /// A request of now.
    ///
    /// - Parameter salt: Random; two requests of a second with one salt have one nonce, which is good once.
    package init(domain: String, uri: String, now: UnixTime, salt: UInt32, key: [UInt8]) {
        self.init(
            domain: domain, uri: uri, stamp: UInt64(UInt32(truncatingIfNeeded: now.seconds)) << 32 | UInt64(salt),
            key: key)
    }

    private init(domain: String, uri: String, stamp: UInt64, key: [UInt8]) {
        self.domain = domain
        self.uri = uri
        let stamp = withUnsafeBytes(of: stamp.bigEndian) { [UInt8]($0) }
        let message = [UInt8]("sign-in\u{0}\(domain)\u{0}\(uri)\u{0}".utf8) + stamp
        let mac = HMACSHA256.authenticate(message, key: key).bytes.prefix(8)
        nonce = Hex.encode(stamp + mac, prefix: false)
        let issued = UnixTime(Int64(stamp.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }))
        issuedAt = CalendarTime(issued).iso8601
        expirationTime = CalendarTime(issued.adding(seconds: Self.validSeconds)).iso8601
    }

    /// The extension as a 402 declares it.
    package func extensionJSON(chains: [String]) -> JSONValue {
        .object([
            JSONMember(
                "info",
                .object([
                    JSONMember("domain", .string(domain)), JSONMember("uri", .string(uri)),
                    JSONMember("version", .string("1")), JSONMember("nonce", .string(nonce)),
                    JSONMember("issuedAt", .string(issuedAt)), JSONMember("expirationTime", .string(expirationTime)),
                    JSONMember("statement", .string(Self.statement)), JSONMember("resources", .array([.string(uri)])),
                ])),
            JSONMember(
                "supportedChains",
                .array(
                    chains.map {
                        .object([JSONMember("chainId", .string($0)), JSONMember("type", .string("eip191"))])
                    })),
            JSONMember("schema", Self.schema),
        ])
    }

    /// Judges whether a sign-in is the answer to a request of ours for this resource.
    ///
    /// The signature is the caller's to check, and that the nonce was not used before.
    package static func judge(
        _ signIn: SignIn, domain: String, uri: String, chains: [String], now: UnixTime, key: [UInt8]
    ) -> SignInVerdict {
        var until = now
        if let refusal = refusal(of: signIn, domain, uri, chains, now, key, &until) { return .refused(refusal) }
        return .accepted(until: until)
    }

    private static func refusal(
        of signIn: SignIn, _ domain: String, _ uri: String, _ chains: [String], _ now: UnixTime, _ key: [UInt8],
        _ until: inout UnixTime
    ) -> SignInRefusal? {
        guard signIn.domain == domain else { return .domain }
        guard signIn.uri == uri else { return .uri }
        guard signIn.version == "1", signIn.type == "eip191", chains.contains(signIn.chainID) else { return .chain }
        guard let bytes = Hex.decode(signIn.nonce), bytes.count == 16 else { return .nonce }
        let stamp = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let ours = SignInRequest(domain: domain, uri: uri, stamp: stamp, key: key)
        guard ConstantTime.equal([UInt8](signIn.nonce.utf8), [UInt8](ours.nonce.utf8)) else { return .nonce }
        let issued = UnixTime(Int64(stamp >> 32))
        until = issued.adding(seconds: validSeconds)
        let age = now.seconds - issued.seconds
        guard age >= -clockSkew, age < validSeconds else { return .expired }
        guard signIn.issuedAt == ours.issuedAt, signIn.expirationTime ?? ours.expirationTime == ours.expirationTime,
            signIn.statement ?? statement == statement, signIn.notBefore == nil, signIn.requestID == nil,
            signIn.resources.isEmpty || signIn.resources == [uri]
        else { return .changed }
        return nil
    }

    /// Another node's clock may be ahead.
    private static let clockSkew: Int64 = 5

    private static let schema = JSONValue.object([
        JSONMember("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
        JSONMember("type", .string("object")),
        JSONMember(
            "properties",
            .object(
                ["domain", "address", "statement", "uri", "version", "chainId", "type", "nonce", "issuedAt"].map(text)
                    + ["expirationTime", "notBefore", "requestId", "signature"].map(text)
                    + [
                        JSONMember(
                            "resources",
                            .object([
                                JSONMember("type", .string("array")),
                                JSONMember("items", .object([JSONMember("type", .string("string"))])),
                            ]))
                    ])),
        JSONMember(
            "required",
            .array(
                ["domain", "address", "uri", "version", "chainId", "type", "nonce", "issuedAt", "signature"]
                    .map(JSONValue.string))),
    ])

    private static func text(_ name: String) -> JSONMember {
        JSONMember(name, .object([JSONMember("type", .string("string"))]))
    }
}

/// What a sign-in is worth, as far as its text goes.
package enum SignInVerdict: Hashable, Sendable {
    /// Good until then, once.
    case accepted(until: UnixTime)
    case refused(SignInRefusal)
}

/// Why a sign-in is refused.
package enum SignInRefusal: String, Error, Hashable, Sendable {
    case unreadable, domain, uri, chain, nonce, expired, changed, signature, used

    /// The code of the official servers where they have one.
    package var reason: ReasonCode {
        let word =
            switch self {
            case .unreadable, .changed: "invalid_siwx_message"
            case .domain: "invalid_siwx_domain_mismatch"
            case .uri: "invalid_siwx_uri_mismatch"
            case .chain: "invalid_siwx_unsupported_chain"
            case .nonce, .used: "invalid_siwx_nonce"
            case .expired: "invalid_siwx_expired"
            case .signature: "invalid_siwx_signature"
            }
        return ReasonCode(rawValue: word)
    }
}
