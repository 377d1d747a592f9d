package import Ledger

/// The record of shadow mode.
extension SQLiteLedger {
    package func addShadow(_ lines: [ShadowLine], reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void) {
        writer.submit(TableJob({ table throws(LedgerError) in try table.shadow.add(lines) }, reply: reply))
    }

    package func shadow(_ query: ShadowQuery) async throws(LedgerError) -> [ShadowLine] {
        try await reader.shadow(query)
    }
}

extension SQLitePaymentReader {
    /// What was counted in shadow mode, added up as the query asks.
    package func shadow(_ query: ShadowQuery) async throws(LedgerError) -> [ShadowLine] {
        try await withConnection { connection throws(LedgerError) in
            let statement = try Statement(ShadowTable.select + " WHERE day >= ?1 AND day <= ?2", on: connection)
            statement.bind(query.since ?? .min, at: 1)
            statement.bind(query.until ?? .max, at: 2)
            defer { statement.reset() }
            var sums = ShadowSums(query)
            while try statement.step() { sums.add(try ShadowTable.line(in: statement)) }
            return sums.lines
        }
    }
}
