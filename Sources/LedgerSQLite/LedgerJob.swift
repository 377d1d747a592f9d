import Ledger
import Primitives

/// A step that waits for the writer, and then its answer for the commit.
class LedgerJob {
    /// Whether nothing outside waits for the step: it may share the transaction of a later one.
    var canWait: Bool { false }

    /// Does the step; the answer is kept until the commit.
    func run(on table: PaymentTable) throws(LedgerError) {}

    /// Gives the answer, which is durable now.
    func answer() {}

    /// Says that nothing was done.
    func fail(_ error: LedgerError) {}
}

/// One attempt to claim.
final class ReserveJob: LedgerJob {
    private let request: ReserveRequest
    private let reply: @Sendable (Result<ReserveOutcome, LedgerError>) -> Void
    private var outcome = ReserveOutcome.used

    init(_ request: ReserveRequest, reply: @escaping @Sendable (Result<ReserveOutcome, LedgerError>) -> Void) {
        self.request = request
        self.reply = reply
    }

    override func run(on table: PaymentTable) throws(LedgerError) {
        outcome = try table.reserve(request)
    }

    override func answer() { reply(.success(outcome)) }
    override func fail(_ error: LedgerError) { reply(.failure(error)) }
}

/// One transition.
final class ApplyJob: LedgerJob {
    private let event: PaymentEvent
    private let reference: PaymentReference
    private let now: UnixTime
    private let reply: @Sendable (Result<ApplyOutcome, LedgerError>) -> Void
    private var outcome = ApplyOutcome.unknownPayment

    init(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime,
        reply: @escaping @Sendable (Result<ApplyOutcome, LedgerError>) -> Void
    ) {
        self.event = event
        self.reference = reference
        self.now = now
        self.reply = reply
    }

    /// What was delivered is on its way already; until it is written, recovery takes it for undelivered.
    override var canWait: Bool { event == .delivered }

    override func run(on table: PaymentTable) throws(LedgerError) {
        outcome = try table.apply(event, to: reference, now: now)
    }

    override func answer() { reply(.success(outcome)) }
    override func fail(_ error: LedgerError) { reply(.failure(error)) }
}

/// An answer that is kept for its id.
final class KeepJob: LedgerJob {
    private let kept: KeptAnswer
    private let identifier: Bytes32
    private let payment: PaymentIdentity

    init(_ kept: KeptAnswer, under identifier: Bytes32, of payment: PaymentIdentity) {
        self.kept = kept
        self.identifier = identifier
        self.payment = payment
    }

    /// Whoever asks again comes behind it in the queue.
    override var canWait: Bool { true }

    override func run(on table: PaymentTable) throws(LedgerError) {
        try table.identifiers.keep(kept, under: identifier, of: payment)
    }
}

/// Any other step in a transaction.
final class TableJob<Value: Sendable>: LedgerJob {
    private let body: @Sendable (PaymentTable) throws(LedgerError) -> Value
    private let reply: @Sendable (Result<Value, LedgerError>) -> Void
    private var value: Value?

    init(
        _ body: @escaping @Sendable (PaymentTable) throws(LedgerError) -> Value,
        reply: @escaping @Sendable (Result<Value, LedgerError>) -> Void
    ) {
        self.body = body
        self.reply = reply
    }

    override func run(on table: PaymentTable) throws(LedgerError) {
        value = try body(table)
    }

    override func answer() {
        if let value { reply(.success(value)) }
    }

    override func fail(_ error: LedgerError) { reply(.failure(error)) }
}
