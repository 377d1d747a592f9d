package import Primitives

/// Who wants to draw, and by what right.
package enum CreditPresenter: Hashable, Sendable {
    /// SHA-256 of the token that it sent, and the payment whose header came with it, if one did.
    case token(Bytes32, payment: PaymentIdentity?)
    /// The payer, whose key signed in.
    case payer(String)
    /// The exchange that made the claim, for the request that the payment came with.
    case claim(PaymentReference)
}

/// What a request wants to hold of a balance.
package enum DrawAmount: Hashable, Sendable {
    case exactly(UInt256)
    /// By the currency of the balance; a balance in any other is for something else.
    case prices([Currency: UInt256])

    func inCurrency(_ currency: Currency) -> UInt256? {
        switch self {
        case .exactly(let amount): amount
        case .prices(let prices): prices[currency]
        }
    }
}

/// One attempt to be served on a credit.
package struct DrawRequest: Hashable, Sendable {
    package var presenter: CreditPresenter
    /// SHA-256 of what is asked for, as a resource and as a route: the credit must be for one of them.
    package var scopes: [Bytes32]
    /// What is held of a balance until the charge is known.
    package var amount: DrawAmount
    /// Whether less will do where less is left: the charge is then bounded by that.
    package var takesLess: Bool
    package var now: UnixTime

    package init(
        presenter: CreditPresenter, scopes: [Bytes32], amount: DrawAmount = .exactly(.zero), takesLess: Bool = false,
        now: UnixTime
    ) {
        self.presenter = presenter
        self.scopes = scopes
        self.amount = amount
        self.takesLess = takesLess
        self.now = now
    }
}

/// A draw that is open: what it holds is nobody else's until it is posted or released.
package struct DrawReference: Hashable, Sendable {
    package var identity: PaymentIdentity
    /// The store's own key of the draw.
    package var row: Int64
    /// Held of the balance; the most that it can be charged.
    package var amount: UInt256
    /// What the credit was paid in.
    package var currency: Currency

    package init(identity: PaymentIdentity, row: Int64, amount: UInt256, currency: Currency) {
        self.identity = identity
        self.row = row
        self.amount = amount
        self.currency = currency
    }
}

/// The answer to an attempt.
package enum DrawOutcome: Hashable, Sendable {
    case granted(DrawReference, left: CreditLeft)
    case refused(DrawRefusal, left: CreditLeft)
    /// No credit is known by what was presented.
    case unknown
}

package enum DrawRefusal: Hashable, Sendable {
    /// All of it was used, or what is left is not enough.
    case spent
    /// What is left is held by requests that still run.
    case held
    case expired
    /// It is for something else.
    case elsewhere
    /// The payment is not settled, or a chain took it back.
    case notSettled
}

/// What is left of a credit.
package struct CreditLeft: Hashable, Sendable {
    /// Of a balance, what is neither charged nor held nor refunded; nil for a grant.
    package var amount: UInt256?
    package var uses: UInt32?
    package var bytes: UInt64?
    package var expiresAt: UnixTime?

    package init(amount: UInt256? = nil, uses: UInt32? = nil, bytes: UInt64? = nil, expiresAt: UnixTime? = nil) {
        self.amount = amount
        self.uses = uses
        self.bytes = bytes
        self.expiresAt = expiresAt
    }
}

/// How a draw ends.
package enum DrawEnd: Hashable, Sendable {
    /// Served: the charge, at most what is held, and the bytes of the answer.
    case post(charge: UInt256, bytes: UInt64)
    /// Not served: all that is held is given back, and the use.
    case release
}
