package import Primitives

/// Grants and balances: what settled payments still open.
///
/// A credit is made with its claim (`ReserveRequest.credit`) and opens something once its payment is settled. Each method is
/// one atomic step, durable before it answers where the store is durable.
package protocol CreditLedger: Sendable {
    /// Holds what a request needs, or says why not.
    ///
    /// Of several credits of a payer that signed in, the oldest that is enough is drawn on.
    func draw(_ request: DrawRequest, reply: @escaping @Sendable (Result<DrawOutcome, LedgerError>) -> Void)

    /// Holds bytes for the answer of a draw before its head goes out; nil asks for all that are left.
    ///
    /// The bytes that may be sent, nil where there are not so many.
    func holdBytes(
        _ bytes: UInt64?, for draw: DrawReference, reply: @escaping @Sendable (Result<UInt64?, LedgerError>) -> Void)

    /// Ends a draw; a second end of the same draw changes nothing.
    func end(
        _ draw: DrawReference, _ end: DrawEnd, now: UnixTime,
        reply: @escaping @Sendable (Result<CreditLeft, LedgerError>) -> Void)

    /// The credit of a payment, nil if there is none.
    func credit(_ identity: PaymentIdentity) async throws(LedgerError) -> Credit?

    /// Credits in order of their opening.
    func credits(_ query: CreditQuery) async throws(LedgerError) -> [Credit]

    /// Writes that what is left of a balance was paid back, by an operator's word; the credit, and how much it was.
    ///
    /// Nil where there is no such balance, nothing is left of it, or requests that draw on it still run.
    func refundCredit(
        publicID: String, now: UnixTime
    ) async throws(LedgerError) -> (credit: Credit, amount: UInt256)?
}

/// Which credits are wanted.
package struct CreditQuery: Hashable, Sendable {
    package var payer: String?
    /// Only those that still open something: not used up, not over.
    package var openAt: UnixTime?
    package var limit: Int

    package init(payer: String? = nil, openAt: UnixTime? = nil, limit: Int = 100) {
        self.payer = payer
        self.openAt = openAt
        self.limit = limit
    }

    package func matches(_ credit: Credit) -> Bool {
        if let payer, payer != credit.payer { return false }
        guard let openAt else { return true }
        if let expiresAt = credit.expiresAt, openAt >= expiresAt { return false }
        if credit.usesLeft == 0 || credit.bytesLeft == 0 { return false }
        return !credit.terms.isBalance || credit.balance > .zero || credit.held > .zero
    }
}

extension CreditLedger {
    private var unavailable: LedgerError { LedgerError(.unavailable, "this store keeps no credits") }

    /// Fails closed in a store that keeps no credits.
    package func draw(_ request: DrawRequest, reply: @escaping @Sendable (Result<DrawOutcome, LedgerError>) -> Void) {
        reply(.failure(unavailable))
    }

    package func holdBytes(
        _ bytes: UInt64?, for draw: DrawReference, reply: @escaping @Sendable (Result<UInt64?, LedgerError>) -> Void
    ) {
        reply(.failure(unavailable))
    }

    package func end(
        _ draw: DrawReference, _ end: DrawEnd, now: UnixTime,
        reply: @escaping @Sendable (Result<CreditLeft, LedgerError>) -> Void
    ) {
        reply(.failure(unavailable))
    }

    package func credit(_ identity: PaymentIdentity) async throws(LedgerError) -> Credit? { throw unavailable }

    package func credits(_ query: CreditQuery) async throws(LedgerError) -> [Credit] { throw unavailable }

    package func refundCredit(
        publicID: String, now: UnixTime
    ) async throws(LedgerError) -> (credit: Credit, amount: UInt256)? { throw unavailable }
}
