import NIOCore

/// A limit that a request ran into.
struct LimitOverrun {
    /// Which of the limits it was, as the log and `RateLimit` name it.
    enum Policy {
        case client, payer, challenges, route, routeClient, routePayer
        case payerConcurrency

        var name: StaticString {
            switch self {
            case .client: "client"
            case .payer: "payer"
            case .challenges: "challenges"
            case .route: "route"
            case .routeClient: "route-client"
            case .routePayer: "route-payer"
            case .payerConcurrency: "payer-concurrency"
            }
        }

        var remark: StaticString {
            switch self {
            case .client: "limit: client"
            case .payer: "limit: payer"
            case .challenges: "limit: challenges"
            case .route: "limit: route"
            case .routeClient: "limit: client on the route"
            case .routePayer: "limit: payer on the route"
            case .payerConcurrency: "limit: requests of the payer at once"
            }
        }
    }

    let policy: Policy
    /// Nil for what is no rate.
    let rate: Rate?
    let retryAfterSeconds: Int

    /// - Parameter nanoseconds: Until the next token; told in whole seconds, rounded up.
    init(_ policy: Policy, rate: Rate, retryAfter nanoseconds: UInt64) {
        self.policy = policy
        self.rate = rate
        retryAfterSeconds = Int(Self.seconds(nanoseconds))
    }

    /// Too much of one payer runs; how long it will is not known.
    static let payerIsBusy = LimitOverrun(payerIsBusy: ())

    private init(payerIsBusy: Void) {
        policy = .payerConcurrency
        rate = nil
        retryAfterSeconds = 1
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): a full bucket is the quota, the time in
    /// which it fills the window.
    func writeFields(to buffer: inout ByteBuffer) {
        guard let rate else { return }
        buffer.writeStaticString("ratelimit-policy: \"")
        buffer.writeStaticString(policy.name)
        buffer.writeStaticString("\";q=")
        buffer.writeDecimal(UInt64(rate.burst))
        buffer.writeStaticString(";w=")
        buffer.writeDecimal(Self.seconds(rate.tolerance &+ rate.interval))
        buffer.writeStaticString("\r\nratelimit: \"")
        buffer.writeStaticString(policy.name)
        buffer.writeStaticString("\";r=0;t=")
        buffer.writeDecimal(UInt64(retryAfterSeconds))
        buffer.writeStaticString("\r\n")
    }

    private static func seconds(_ nanoseconds: UInt64) -> UInt64 {
        max(1, nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1))
    }
}
