package import Ledger
package import Pricing
package import Proxy
package import X402

/// One of `[[routes]]`, with what it inherits from `[payments]`.
package struct RouteSettings: Sendable {
    /// The pattern as it reads back: unique among the routes.
    package var name: String
    package var pattern: RoutePattern
    /// The line of its table in the file.
    package var line: Int
    /// Index into the file's upstreams.
    package var upstream: Int
    package var price: Price
    /// In order of preference; empty when the route is free.
    package var offers: [RouteOffer]
    package var timing: SettlementTiming
    package var chargeOn: StatusSet
    package var redeliveries: Int
    package var maxTimeoutSeconds: Int
    package var description: String
    package var mimeType: String
    package var forwardPayment: ForwardPayment
    /// Protocols that its connections may be switched to.
    package var upgrade: [String]
    /// Longest request body; nil for no limit but the listener's.
    package var maxBodyBytes: UInt64?
    /// Fields of answers that clients do not get.
    package var scrub: [String]
    package var limits: RouteLimits
    /// What is counted of its answers.
    package var meter: UsageMeter?

    package var isFree: Bool { price == .free }

    /// What a payment must be, in order of preference.
    package var requirements: [PaymentRequirements] { offers.map(\.requirements) }
}

/// One way to pay for a route.
package struct RouteOffer: Hashable, Sendable {
    package var requirements: PaymentRequirements
    /// The asset's id in the file.
    package var asset: String
    package var assetDecimals: Int
    /// The x402 versions that adapters serve it in; version 1 only where the network has a version 1 name.
    package var versions: [Int]
    /// The adapter of the highest of the versions.
    package var adapter: String
}

/// `forward_payment`: what the upstream is told of a payment.
package enum ForwardPayment: String, Hashable, Sendable, CaseIterable {
    case none, plain, signed
}
