package import Primitives
package import X402

/// The record of every payment, and the only judge of who may use one.
///
/// Beside the states of the payments it keeps the books: a transition that moves money writes its entry in the same step.
/// Every method is one atomic step, durable before it answers where the store is durable. Replies come on a thread of the
/// store's own choosing, in the order of commits; callers hop to where they belong. Safe from any thread.
package protocol PaymentLedger: AllowanceLedger, CreditLedger, ShadowLedger {
    /// The key of the hashes of presenters' addresses, kept with the payments so that a restart knows their clients again.
    ///
    /// Nil where nothing outlives the process.
    var addressKey: Bytes32? { get }

    /// Grants the claim to exactly one caller, or says why not.
    ///
    /// An identity that is unknown, or whose value was released, is granted. A settled and undelivered one is granted again for
    /// the same binding to a presenter with proof, while redeliveries are left. `now` dates the row and judges leases.
    func reserve(_ request: ReserveRequest, reply: @escaping @Sendable (Result<ReserveOutcome, LedgerError>) -> Void)

    /// Makes one transition, if the state allows it.
    func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime,
        reply: @escaping @Sendable (Result<ApplyOutcome, LedgerError>) -> Void)

    /// Keeps the answer that a payment's id is given again; nothing where the id is another payment's by now.
    func keep(_ answer: KeptAnswer, under identifier: Bytes32, of payment: PaymentIdentity)

    /// The payment with this identity, nil if there is none.
    func payment(_ identity: PaymentIdentity) async throws(LedgerError) -> PaymentRecord?

    /// The payment whose public id this is.
    func payment(publicID: String) async throws(LedgerError) -> PaymentRecord?

    /// Rows in order of their creation.
    func payments(_ query: PaymentQuery) async throws(LedgerError) -> [PaymentRecord]

    /// Ends what a crash left open, before any listener opens; returns what is left for the rails to answer.
    ///
    /// `settling` becomes `uncertain`; `reserved` and unused, where nothing was sent, becomes `released`; a lease in
    /// `forwarding` that no process holds becomes `undelivered` under `before`, and `owed` under `after` and `batch`, where
    /// the answer may have gone out. What it returns is `uncertain` or `owed`, oldest first.
    func recover(now: UnixTime) async throws(LedgerError) -> [PaymentRecord]

    /// Binds a transaction to the payment that it settled; false when it is another payment's.
    ///
    /// For rails whose transactions pay once (`offchain`): what a bridge answers twice has moved value once. The same payment
    /// may ask again. Durable before it answers, and never forgotten.
    func claimTransaction(
        _ transaction: String, on network: Network, for identity: PaymentIdentity
    ) async throws(LedgerError) -> Bool

    /// The debts that hold their payers to paying first, oldest first.
    func debts() async throws(LedgerError) -> [Debt]

    /// Ends the debts of a payer by an operator's word; returns them.
    func forgive(payer: String) async throws(LedgerError) -> [Debt]

    /// Ends a payment that no rail can tell about, by an operator's word.
    ///
    /// On a network whose transactions pay once (`claimTransaction`) the transaction is bound to the payment.
    func resolve(
        publicID: String, as resolution: Resolution, reason: String, now: UnixTime
    ) async throws(LedgerError) -> ResolveOutcome

    /// Writes what a chain took for a transaction; false where it is written already.
    ///
    /// The same transaction with another fee, after a chain changed its history, writes the difference.
    func postNetworkFee(_ fee: NetworkFee, now: UnixTime) async throws(LedgerError) -> Bool

    /// Entries of the journal after a number, in their order.
    func journal(after number: Int64, limit: Int) async throws(LedgerError) -> [JournalEntry]

    /// Whether the store takes claims now; told by health.
    func health() async -> LedgerHealth

    /// Finishes what was submitted, then closes.
    func close() async
}

extension PaymentLedger {
    package var addressKey: Bytes32? { nil }

    /// What keeps no answers says so to whoever asks again.
    package func keep(_ answer: KeptAnswer, under identifier: Bytes32, of payment: PaymentIdentity) {}

    /// Fails closed in a store that keeps no transactions.
    package func claimTransaction(
        _ transaction: String, on network: Network, for identity: PaymentIdentity
    ) async throws(LedgerError) -> Bool {
        throw LedgerError(.unavailable, "this store does not bind transactions to payments")
    }

    package func debts() async throws(LedgerError) -> [Debt] {
        throw LedgerError(.unavailable, "this store keeps no debts")
    }

    package func forgive(payer: String) async throws(LedgerError) -> [Debt] {
        throw LedgerError(.unavailable, "this store keeps no debts")
    }

    package func resolve(
        publicID: String, as resolution: Resolution, reason: String, now: UnixTime
    ) async throws(LedgerError) -> ResolveOutcome {
        throw LedgerError(.unavailable, "this store resolves nothing")
    }

    package func postNetworkFee(_ fee: NetworkFee, now: UnixTime) async throws(LedgerError) -> Bool {
        throw LedgerError(.unavailable, "this store keeps no journal")
    }

    package func journal(after number: Int64, limit: Int) async throws(LedgerError) -> [JournalEntry] {
        throw LedgerError(.unavailable, "this store keeps no journal")
    }
}

/// One attempt to claim.
package struct ReserveRequest: Sendable {
    package var claim: Claim
    package var opening: ClaimOpening
    package var proof: PresenterProof
    package var now: UnixTime
    package var redelivery: RedeliveryPolicy
    /// What the claim is measured against; nil asks for nothing.
    package var exposure: ExposureTerms?
    /// Grants nothing anew: the payment was judged by an earlier claim alone, which may be gone by now.
    package var recallsOnly = false
    /// What the payment opens beyond its request; written with a claim that is granted anew.
    package var credit: CreditTerms?
    /// The client's own id of what it pays for, which is remembered with a claim that is granted anew.
    package var identifier: IdentifierClaim?

    package init(
        claim: Claim, opening: ClaimOpening, proof: PresenterProof = PresenterProof(), now: UnixTime,
        redelivery: RedeliveryPolicy = RedeliveryPolicy(), exposure: ExposureTerms? = nil
    ) {
        self.claim = claim
        self.opening = opening
        self.proof = proof
        self.now = now
        self.redelivery = redelivery
        self.exposure = exposure
    }
}

/// How often, and how, an undelivered payment may open its request again.
package struct RedeliveryPolicy: Hashable, Sendable {
    /// Further runs of the upstream after the first.
    package var limit: Int
    /// How long the same client address is proof enough, for clients that know no token.
    package var addressProofSeconds: Int64
    /// How long a redelivery may hold its lease.
    ///
    /// Longer than any answer: a lease that ends under a running answer lets a second one start. Recovery, not time, ends the
    /// leases of a process that crashed.
    package var leaseSeconds: Int64

    package init(limit: Int = 3, addressProofSeconds: Int64 = 600, leaseSeconds: Int64 = 86_400) {
        self.limit = limit
        self.addressProofSeconds = addressProofSeconds
        self.leaseSeconds = leaseSeconds
    }
}

/// The answer to a claim.
package enum ReserveOutcome: Hashable, Sendable {
    /// First to claim: go on as the opening says.
    case granted(PaymentReference)
    /// First to claim, but not trusted to pay later: opened `settling` under `before`, to be settled and then forwarded.
    case settleFirst(PaymentReference)
    /// With what is pending already it is more than the payer has; nothing was claimed.
    case overdrawn
    /// Paid before and not delivered: now forwarding again, no settlement needed. A body must match the print.
    case redelivery(PaymentReference, transaction: String, body: BodyPrint?)
    /// Another request holds the claim at this moment.
    case inFlight
    /// The settlement's fate is not known yet.
    case pending(transaction: String?)
    /// Used before, for this or for something else; or by another owner.
    case used
    /// Settled and undelivered, but the presenter showed neither token nor a known address.
    case proofRequired
    /// The id that came along was served: this is what was answered; nothing was claimed.
    ///
    /// A body must match the answer's print.
    case answered(KeptAnswer)
    /// Refused for the id that came along.
    case identifierRefused(IdentifierRefusal)
}

/// A transition of a payment.
package enum PaymentEvent: Hashable, Sendable {
    /// The rail is about to be asked (`reserved → settling`).
    case settle
    /// Less than the claim's amount is charged: what is settled, owed and booked from here on (`reserved` only).
    ///
    /// More than nothing and at most the claim's amount; a charge of nothing is a release.
    case charged(amount: UInt256)
    /// The rail is about to broadcast this transaction; the states stay as they are.
    case sent(transaction: String)
    /// The rail said yes; `forwardingUntil` starts the service in the same step.
    case settled(transaction: String, forwardingUntil: UnixTime?)
    /// The value did not and cannot move: proof only, never a timer.
    case released(reason: String)
    /// Sent, and not known what became of it.
    case uncertain(transaction: String?)
    /// The answer went out; nothing more to do.
    case delivered
    /// The upstream failed to deliver; `grant` is the SHA-256 of the token that the answer carries.
    case undelivered(grant: Bytes32?, client: Bytes32?, body: BodyPrint?)
    /// Served before it was paid.
    case owed
    /// Served, and the rail certainly did not move it for a reason that is not the payer's: owed, and no debt.
    case deferred
    /// Owed and past hope.
    case writtenOff(reason: String)
    /// Reserved and past its validity.
    case expired
    /// The answer is still streaming; the lease runs on until then.
    case renewed(until: UnixTime)
}

/// The answer to an event.
package enum ApplyOutcome: Hashable, Sendable {
    case applied(PaymentState)
    /// The state does not allow the event; nothing was written.
    case refused(PaymentState)
    case unknownPayment
}

/// A row of the ledger.
package struct PaymentRecord: Hashable, Sendable {
    package var reference: PaymentReference
    package var claim: Claim
    package var state: PaymentState
    package var createdAt: UnixTime
    package var updatedAt: UnixTime
    package var transaction: String?
    package var reason: String?
    package var redeliveries: Int
    package var leaseUntil: UnixTime?
    package var body: BodyPrint?
    /// What is charged of the claim's amount; nil while that is all of it.
    package var charge: UInt256?

    package init(
        reference: PaymentReference, claim: Claim, state: PaymentState, createdAt: UnixTime, updatedAt: UnixTime,
        transaction: String? = nil, reason: String? = nil, redeliveries: Int = 0, leaseUntil: UnixTime? = nil,
        body: BodyPrint? = nil, charge: UInt256? = nil
    ) {
        self.charge = charge
        self.reference = reference
        self.claim = claim
        self.state = state
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.transaction = transaction
        self.reason = reason
        self.redeliveries = redeliveries
        self.leaseUntil = leaseUntil
        self.body = body
    }

    /// What moves, or has moved: the charge, or all that was claimed.
    package var due: UInt256 { charge ?? claim.amount }
}

/// Whether claims can be made.
package enum LedgerHealth: Hashable, Sendable {
    case ready
    case failing(LedgerError)
}

/// The store failed; a claim that met this is not granted.
package struct LedgerError: Error, Hashable, Sendable {
    package enum Code: String, Hashable, Sendable {
        case full, readOnly, busy, corrupt, unavailable, closed, migration
    }

    package var code: Code
    /// Constant text for people; no values in it.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
