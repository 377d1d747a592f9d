import Ledger
import Primitives

/// `grant` or `bundle` of a route: what one payment opens beyond its request.
package struct CreditOffer: Hashable, Sendable {
    /// What may be opened again.
    package enum Scope: String, Hashable, Sendable, CaseIterable {
        /// The same host, path and query, with any method of the route.
        case resource
        /// Every resource of the route.
        case route
    }

    package var scope: Scope
    /// Whether the payment is a balance that requests are charged to.
    package var isBalance: Bool
    package var uses: UInt32?
    package var bytes: UInt64?
    package var seconds: Int64?
    /// Whether a request is served where less is left of a balance than it may cost; it is then charged that at most.
    package var servesOnLess: Bool

    package init(
        scope: Scope = .resource, isBalance: Bool = false, uses: UInt32? = nil, bytes: UInt64? = nil,
        seconds: Int64? = nil, servesOnLess: Bool = false
    ) {
        self.servesOnLess = servesOnLess
        self.scope = scope
        self.isBalance = isBalance
        self.uses = uses
        self.bytes = bytes
        self.seconds = seconds
    }

    /// What a request may be opened by: a credit for its resource or for its route.
    static func scopes(route: String, target: Bytes32) -> [Bytes32] { [digest(of: target), digest(of: route)] }

    /// What the payment of this request buys.
    func terms(route: String, target: Bytes32, token: String) -> CreditTerms {
        CreditTerms(
            scope: scope == .resource ? Self.digest(of: target) : Self.digest(of: route), scopeName: route,
            token: SHA256.hash(token), isBalance: isBalance, uses: uses, bytes: bytes, seconds: seconds)
    }

    private static func digest(of target: Bytes32) -> Bytes32 {
        SHA256.hash([UInt8]("resource\u{0}".utf8) + target.bytes)
    }

    private static func digest(of route: String) -> Bytes32 { SHA256.hash("route\u{0}\(route)") }
}

/// What a payment of a route opens, and what is asked for it.
package struct RouteCredit: Sendable {
    package var offer: CreditOffer
    /// What is sold where it is more than the request: a bundle.
    ///
    /// Nil where the price of the request buys it.
    package var sale: OfferSheet?

    package init(_ offer: CreditOffer, sale: OfferSheet? = nil) {
        self.offer = offer
        self.sale = sale
    }
}
