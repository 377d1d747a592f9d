package import Ledger
package import Primitives

/// What is free, and what settled payments still open.
extension SQLiteLedger {
    package func claimAllowance(
        _ claim: AllowanceClaim, now: UnixTime,
        reply: @escaping @Sendable (Result<AllowanceOutcome, LedgerError>) -> Void
    ) {
        writer.submit(
            TableJob({ table throws(LedgerError) in try table.allowances.claim(claim, now: now) }, reply: reply))
    }

    package func correctAllowance(
        _ key: Bytes32, endsAt: UnixTime, by difference: Int64,
        reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void
    ) {
        writer.submit(
            TableJob(
                { table throws(LedgerError) in try table.allowances.correct(key, endsAt: endsAt, by: difference) },
                reply: reply))
    }

    package func draw(_ request: DrawRequest, reply: @escaping @Sendable (Result<DrawOutcome, LedgerError>) -> Void) {
        writer.submit(TableJob({ table throws(LedgerError) in try table.credits.draw(request) }, reply: reply))
    }

    package func holdBytes(
        _ bytes: UInt64?, for draw: DrawReference, reply: @escaping @Sendable (Result<UInt64?, LedgerError>) -> Void
    ) {
        writer.submit(TableJob({ table throws(LedgerError) in try table.credits.hold(bytes, for: draw) }, reply: reply))
    }

    package func end(
        _ draw: DrawReference, _ end: DrawEnd, now: UnixTime,
        reply: @escaping @Sendable (Result<CreditLeft, LedgerError>) -> Void
    ) {
        writer.submit(
            TableJob({ table throws(LedgerError) in try table.credits.end(draw, end, now: now) }, reply: reply))
    }

    package func keep(_ answer: KeptAnswer, under identifier: Bytes32, of payment: PaymentIdentity) {
        writer.submit(KeepJob(answer, under: identifier, of: payment))
    }

    package func credit(_ identity: PaymentIdentity) async throws(LedgerError) -> Credit? {
        try await reader.credit(identity)
    }

    package func credits(_ query: CreditQuery) async throws(LedgerError) -> [Credit] {
        try await reader.credits(query)
    }

    package func refundCredit(
        publicID: String, now: UnixTime
    ) async throws(LedgerError) -> (credit: Credit, amount: UInt256)? {
        guard let identity = try await reader.payment(publicID: publicID)?.reference.identity else { return nil }
        return try await writer.perform { table throws(LedgerError) in
            try table.credits.refund(identity, now: now)
        }
    }
}

extension SQLitePaymentReader {
    /// The credit of a payment, nil if there is none.
    package func credit(_ identity: PaymentIdentity) async throws(LedgerError) -> Credit? {
        try await rows(CreditRow.select + " WHERE c.identity = ?1") {
            $0.bind(identity.key, at: 1)
        } read: { row throws(LedgerError) in
            try CreditRow.found(in: row).credit
        }.first
    }

    /// Credits in order of their opening.
    package func credits(_ query: CreditQuery) async throws(LedgerError) -> [Credit] {
        try await withConnection { connection throws(LedgerError) in
            let condition = query.payer == nil ? "" : " WHERE c.payer = ?1"
            let statement = try Statement(CreditRow.select + condition + " ORDER BY c.id", on: connection)
            statement.bind(query.payer, at: 1)
            defer { statement.reset() }
            var found: [Credit] = []
            while found.count < query.limit, try statement.step() {
                let credit = try CreditRow.found(in: statement).credit
                if query.matches(credit) { found.append(credit) }
            }
            return found
        }
    }
}
