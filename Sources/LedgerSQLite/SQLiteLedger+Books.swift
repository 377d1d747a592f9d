package import Ledger
package import Primitives

/// Debts, books and the operator's word.
extension SQLiteLedger {
    package func debts() async throws(LedgerError) -> [Debt] { try await reader.debts() }

    package func forgive(payer: String) async throws(LedgerError) -> [Debt] {
        try await writer.perform { table throws(LedgerError) in try table.forgive(payer) }
    }

    package func postNetworkFee(_ fee: NetworkFee, now: UnixTime) async throws(LedgerError) -> Bool {
        try await writer.perform { table throws(LedgerError) in try table.post(fee, at: now) }
    }

    package func journal(after number: Int64, limit: Int) async throws(LedgerError) -> [JournalEntry] {
        try await reader.journal(after: number, limit: limit)
    }

    package func resolve(
        publicID: String, as resolution: Resolution, reason: String, now: UnixTime
    ) async throws(LedgerError) -> ResolveOutcome {
        guard let reference = try await reader.payment(publicID: publicID)?.reference else { return .unknownPayment }
        return try await writer.perform { table throws(LedgerError) in
            try table.resolve(reference, as: resolution, reason: reason, now: now)
        }
    }
}
