package import Facilitator
package import Transport
package import X402

/// `[server]`: the paywall's own side.
package struct ServerSettings: Sendable {
    /// Where HTTP is spoken without TLS; empty where the file has only `[server.tls]`.
    package var listen: [ListenAddress]
    package var tls: TLSSettings?
    /// Whether HTTP/2 is offered.
    package var http2: Bool
    /// The origin that 402s advertise, without a slash at its end.
    package var publicURL: String
    /// Whether the file names it; else it is made of the first listen address.
    package var hasPublicURL: Bool
    package var unmatched: UnmatchedSettings
    /// Whose word about clients is taken.
    package var trust: ProxyTrust
    /// Whether each connection begins with a PROXY header.
    package var proxyProtocol: Bool
    /// Limits of the listener; `maxBodyBytes` is nil when bodies are not limited.
    package var limits: ServerLimits
    package var drainTimeout: Duration
    /// How long connections are still taken after the process was asked to end.
    package var drainDelay: Duration
    /// Whether each request gets a line of log.
    package var hasAccessLog: Bool
    /// Whether what is sold is told under `/.well-known/x402`.
    package var tellsWhatIsSold: Bool
}

/// `[server.tls]`: where TLS is spoken, and with what.
package struct TLSSettings: Equatable, Sendable {
    package var listen: [ListenAddress]
    package var configuration: ServerTLSConfiguration
}

/// What becomes of requests that no route matches.
package enum UnmatchedSettings: Hashable, Sendable {
    case deny
    /// Forwarded without a payment to the upstream of this index.
    case free(upstream: Int)
}

/// `[facilitator]`: the API for sellers elsewhere.
package struct FacilitatorSettings: Sendable {
    package var listen: [ListenAddress]
    /// Nil when no key is asked for.
    package var keys: APIKeys?
    /// Whom callers may be paid to: by default everyone whom the file pays, and anybody (nil) where it pays nobody.
    package var payToAllowed: Set<Account>?
    /// Whether the owner said that anyone may use it.
    package var isOpen: Bool
    package var rateLimit: RateLimiter.Policy
    /// Calls of `/settle` by one caller in a day; nil for no limit.
    package var dailyBudget: Int?
}

/// `[ledger]`: where payments are recorded.
package enum LedgerSettings: Hashable, Sendable {
    /// A path, relative to the working directory unless it begins with a slash.
    case sqlite(path: String)
    /// Forgotten when the process ends: for trials only.
    case memory
}

/// One of `[[upstreams]]`.
package struct UpstreamSettings: Sendable {
    package var configuration: UpstreamGroupConfiguration
    /// `encoded_slash = "keep"`: it takes `%2F` in paths.
    package var keepsEncodedSlash: Bool
    /// `rewrite_location`: clients see the public origin instead of its own.
    package var rewritesLocation: Bool
}

/// An asset that routes can accept: of the catalogue, or of `[[assets]]`.
package struct AssetSettings: Hashable, Sendable {
    package var id: String
    package var network: Network
    package var account: Account
    package var decimals: Int
    /// The EIP-712 domain's name and version; nil for an asset that is no contract.
    package var signingName: String?
    package var signingVersion: String?
    package var isDollarPegged: Bool
    /// `transfer = "permit2"`: a token without ERC-3009, paid by Permit2 under scheme exact.
    package var usesPermit2 = false
}
