package import EVM
package import Ledger
package import Primitives
package import X402

/// An adapter of the registry: verifies and settles the payments of some networks.
///
/// A new adapter is a folder under `Rails/` and a line in `RailFactory`. Safe from any thread.
package protocol Rail: AnyObject, Sendable {
    /// The adapter's id in the file.
    var id: String { get }
    /// What it serves, as `/supported` lists it.
    var kinds: [SupportedKind] { get }
    /// Addresses or names it settles with, by network pattern, for `/supported`.
    var signers: [(pattern: String, signers: [String])] { get }
    /// How settling works on this rail.
    var settlement: SettlementStyle { get }
    /// Whether `probe` asks the other side anything.
    var canBeProbed: Bool { get }
    /// Lines for the start of the process: what must not go unnoticed.
    var notices: [String] { get }
    /// Whether the rail can be asked now, for health.
    var condition: RailCondition { get }

    /// The identity a payment would have, whether or not it is valid; nil where its payload has none.
    func identity(of payment: Payment, for requirements: PaymentRequirements) -> PaymentIdentity?

    /// Verifies as far as no network is needed; called on the caller's event loop and never blocks.
    func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict

    /// Verifies what `verifyLocally` could not decide; throws when the rail cannot be asked.
    func verify(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(RailError) -> VerifyOutcome

    /// Moves the order's amount, or finds out that it moved; called after the claim's `settling` mark is durable.
    ///
    /// The same order may come again with the same `identity` after a crash: `identity.publicID` is the idempotency key.
    func settle(_ order: SettleOrder) async -> SettleOutcome

    /// Asks again for a settlement whose fate is unknown; `.unknown` where nobody can be asked.
    func reconcile(_ record: PaymentRecord) async -> SettleOutcome

    /// Moves the values of many payments, together where that is cheaper; one outcome for each, in their order.
    ///
    /// `.unavailable` means that nothing has moved and may be tried again. Called with every claim's `settling` mark durable.
    func settle(all orders: [SettleOrder]) async -> [SettleOutcome]

    /// Checks before the start what settings say of the other side; tells what the owner should know.
    ///
    /// Throws what can never work. A rail that cannot be asked now is no reason not to start.
    func prepare() async throws(RailError) -> [String]

    /// Asks the other side something harmless, so that a rail that was down is seen to be up again.
    func probe() async

    /// Compares a settled payment with what the other side knows of it.
    func audit(_ record: PaymentRecord) async throws(RailError) -> AuditVerdict

    /// Whether the value of a payment has moved to its recipient all the same, whoever moved it.
    ///
    /// For a payment that was sent once, and then let go of: what was sent is public.
    func hasMoved(_ payment: Payment, for requirements: PaymentRequirements) async throws(RailError) -> Bool

    /// Payments whose settlement turned out not to hold: a reorganised chain. They may be told more than once.
    func disproved() async -> [PaymentIdentity]

    /// Takes care from now on of a payment that was settled before the start, in case it turns out not to hold.
    func watch(_ record: PaymentRecord) async
}

extension Rail {
    package var notices: [String] { [] }
    package var condition: RailCondition { .ready }

    package func settle(all orders: [SettleOrder]) async -> [SettleOutcome] {
        var outcomes: [SettleOutcome] = []
        for order in orders { outcomes.append(await settle(order)) }
        return outcomes
    }

    package var canBeProbed: Bool { false }
    package func probe() async {}
    package func audit(_ record: PaymentRecord) async throws(RailError) -> AuditVerdict { .cannotTell }
    package func prepare() async throws(RailError) -> [String] { [] }
    package func disproved() async -> [PaymentIdentity] { [] }
    package func hasMoved(
        _ payment: Payment, for requirements: PaymentRequirements
    ) async throws(RailError) -> Bool { false }
    package func watch(_ record: PaymentRecord) async {}
}

/// Whether a rail can be asked.
package enum RailCondition: String, Hashable, Sendable {
    case ready
    /// It failed several times in a row; asked again after a while.
    case breakerOpen = "breaker_open"
}

/// What comes of comparing a settled payment with its rail.
package enum AuditVerdict: Hashable, Sendable {
    case agrees
    /// What the rail knows is not what the ledger says.
    case differs(String)
    /// The rail keeps nothing to compare with.
    case cannotTell
}

/// How a rail settles.
package enum SettlementStyle: Hashable, Sendable {
    /// No outside effect: `localTransaction` names the settlement at once.
    case local(transactionPrefix: String)
    /// The network is asked.
    case remote
}

/// What can be said without the network.
package enum LocalVerdict: Hashable, Sendable {
    case decided(VerifyOutcome)
    case needsNetwork
}

/// The verdict on a payment.
package enum VerifyOutcome: Hashable, Sendable {
    case valid(VerifiedPayment)
    case invalid(ReasonCode, payer: String?)
}

/// What verification learned of a payment.
package struct VerifiedPayment: Hashable, Sendable {
    package var identity: PaymentIdentity
    package var payer: String
    package var validBefore: UnixTime?
    /// What the payer held when the rail asked, in atomic units; nil where nobody was asked.
    package var balance: UInt256?
    /// Nobody has looked at the signature: only the claim that took the payment before may answer for it.
    package var isRecalled = false

    package init(identity: PaymentIdentity, payer: String, validBefore: UnixTime?, balance: UInt256? = nil) {
        self.balance = balance
        self.identity = identity
        self.payer = payer
        self.validBefore = validBefore
    }
}

/// A claimed payment to settle.
package struct SettleOrder: Sendable {
    package var payment: Payment
    package var requirements: PaymentRequirements
    package var identity: PaymentIdentity
    package var payer: String
    /// What moves: the offer's amount, or less of it under scheme upto; never nothing.
    package var amount: UInt256
    /// The claim's row, where the rail writes its transaction before it sends it.
    package var reference: PaymentReference?

    package init(
        payment: Payment, requirements: PaymentRequirements, identity: PaymentIdentity, payer: String,
        amount: UInt256? = nil, reference: PaymentReference? = nil
    ) {
        self.amount = amount ?? requirements.amount
        self.reference = reference
        self.payment = payment
        self.requirements = requirements
        self.identity = identity
        self.payer = payer
    }
}

/// What became of a settlement.
package enum SettleOutcome: Hashable, Sendable {
    case settled(transaction: String, payer: String?)
    /// The rail refused: the value did not move.
    case refused(ReasonCode, message: String?)
    /// Sent, and no answer that can be believed: the value may have moved.
    case unknown(transaction: String?)
    /// Certainly not sent.
    case unavailable(RailError)
}

/// One entry of `/supported`.
package struct SupportedKind: Hashable, Sendable {
    package var x402Version: Int
    package var scheme: String
    package var network: NetworkPattern
    package var extra: [JSONMember]

    package init(x402Version: Int, scheme: String, network: NetworkPattern, extra: [JSONMember] = []) {
        self.x402Version = x402Version
        self.scheme = scheme
        self.network = network
        self.extra = extra
    }
}

/// A rail could not be asked, or did not answer in a form that can be believed.
package struct RailError: Error, Hashable, Sendable {
    package enum Code: String, Hashable, Sendable {
        case unavailable, timeout, malformedAnswer, refusedByPolicy, breakerOpen, misconfigured
    }

    package var code: Code
    package var adapter: String
    /// Constant text for people; no values in it.
    package var message: String

    package init(_ code: Code, adapter: String, _ message: String) {
        self.code = code
        self.adapter = adapter
        self.message = message
    }
}
