package import Primitives
package import X402

/// Who holds a claim: a payment opens one thing, once.
package enum ClaimOwner: Hashable, Sendable {
    /// The paywall, for one route and one request.
    case paywall(RequestBinding)
    /// A caller of the facilitator's `/settle`, for one call; never opens a route here.
    case seller(SellerBinding)
}

/// The call of `/settle` that a payment was claimed by, so that only the same call is told its result again.
package struct SellerBinding: Hashable, Sendable {
    /// The id of the caller's key.
    package var seller: String
    /// SHA-256 over what makes two calls the same one.
    package var call: Bytes32

    package init(seller: String, call: Bytes32) {
        self.seller = seller
        self.call = call
    }
}

/// The request that a payment opened, so that nothing else can be opened again with it.
package struct RequestBinding: Hashable, Sendable {
    /// The route's name in the file (`GET /v1/weather/:city`).
    package var route: String
    package var method: String
    /// Keccak-256 of host, a zero byte and the canonical target.
    package var target: Bytes32

    package init(route: String, method: String, target: Bytes32) {
        self.route = route
        self.method = method
        self.target = target
    }
}

/// How much of a request body the upstream was shown, and its SHA-256.
package struct BodyPrint: Hashable, Sendable {
    package var length: UInt64
    package var digest: Bytes32
    /// Whether the body ended there.
    ///
    /// An incomplete print binds a later body to start with the same bytes.
    package var isComplete: Bool

    package init(length: UInt64, digest: Bytes32, isComplete: Bool) {
        self.length = length
        self.digest = digest
        self.isComplete = isComplete
    }
}

/// What the presenter of an already settled payment can show beside its header, which is public once settled.
package struct PresenterProof: Hashable, Sendable {
    /// SHA-256 of the `Payment-Grant` token it sent.
    package var grant: Bytes32?
    /// Keyed hash of its address (IPv6 by /64).
    package var client: Bytes32?

    package init(grant: Bytes32? = nil, client: Bytes32? = nil) {
        self.grant = grant
        self.client = client
    }
}

/// A verified payment that wants its one claim.
package struct Claim: Hashable, Sendable {
    package var identity: PaymentIdentity
    package var owner: ClaimOwner
    /// Id of the adapter that verified it and will settle it.
    package var adapter: String
    package var form: PaymentForm
    package var timing: SettlementTiming
    package var scheme: String
    package var network: Network
    package var asset: Account
    package var amount: UInt256
    package var payTo: Account
    package var payer: String
    /// After this the value can no longer move; nil where the rail has no such limit.
    package var validBefore: UnixTime?
    /// What the rail needs to settle later (canonical JSON of the payload), nil where it settles at once.
    ///
    /// Erased when the value is terminal, but for `settled`: a reorganised chain may take that back.
    package var settlement: [UInt8]?

    package init(
        identity: PaymentIdentity, owner: ClaimOwner, adapter: String, form: PaymentForm, timing: SettlementTiming,
        scheme: String, network: Network, asset: Account, amount: UInt256, payTo: Account, payer: String,
        validBefore: UnixTime?, settlement: [UInt8]? = nil
    ) {
        self.identity = identity
        self.owner = owner
        self.adapter = adapter
        self.form = form
        self.timing = timing
        self.scheme = scheme
        self.network = network
        self.asset = asset
        self.amount = amount
        self.payTo = payTo
        self.payer = payer
        self.validBefore = validBefore
        self.settlement = settlement
    }
}

/// The state a granted claim starts in: the mark that is made before the first outside effect.
package enum ClaimOpening: Hashable, Sendable {
    /// Value held; nothing outside has happened.
    case reserved
    /// The rail will be asked to settle next (`before`, and `/settle`).
    case settling
    /// The rail settles without any outside effect, so claim, settlement and forwarding are one step.
    case settled(transaction: String, forwardingUntil: UnixTime?)
    /// Forwarded before it is settled (`after`, `batch`).
    case forwarding(until: UnixTime)
}

/// A claim that this process holds.
package struct PaymentReference: Hashable, Sendable {
    package var identity: PaymentIdentity
    /// The store's own key of the row.
    package var row: Int64

    package init(identity: PaymentIdentity, row: Int64) {
        self.identity = identity
        self.row = row
    }
}
