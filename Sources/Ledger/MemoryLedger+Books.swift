package import Primitives
import Synchronization
import X402

/// Debts, books and the operator's word.
extension MemoryLedger {
    package func debts() async throws(LedgerError) -> [Debt] {
        state.withLock { $0.exposure.allDebts }
    }

    package func forgive(payer: String) async throws(LedgerError) -> [Debt] {
        let result = state.withLock { state -> Result<[Debt], LedgerError> in
            if state.isClosed { return .failure(.isClosed) }
            let debts = state.exposure.debts(of: payer)
            for change in debts.compactMap(state.exposure.forgiveness) { state.exposure.apply(change) }
            return .success(debts)
        }
        return try result.get()
    }

    package func postNetworkFee(_ fee: NetworkFee, now: UnixTime) async throws(LedgerError) -> Bool {
        let result = state.withLock { state -> Result<Bool, LedgerError> in
            state.isClosed ? .failure(.isClosed) : .success(state.books.post(fee, at: now))
        }
        return try result.get()
    }

    package func journal(after number: Int64, limit: Int) async throws(LedgerError) -> [JournalEntry] {
        state.withLock { Array($0.books.entries.dropFirst(Int(clamping: max(number, 0))).prefix(limit)) }
    }

    package func resolve(
        publicID: String, as resolution: Resolution, reason: String, now: UnixTime
    ) async throws(LedgerError) -> ResolveOutcome {
        let result = state.withLock { state -> Result<ResolveOutcome, LedgerError> in
            if state.isClosed { return .failure(.isClosed) }
            guard let index = state.publicIDs[publicID] else { return .success(.unknownPayment) }
            let entry = state.entries[index]
            guard let next = entry.resolved(as: resolution, reason: reason, now: now) else {
                return .success(entry.record.refusal(of: resolution))
            }
            if let transaction = next.record.transactionToBind {
                let network = next.record.claim.network
                let owner = state.transactions[network, default: [:]][transaction] ?? entry.record.reference.identity
                guard owner == entry.record.reference.identity else { return .success(.transactionTaken) }
                state.transactions[network, default: [:]][transaction] = owner
            }
            Self.write(next, at: index, in: &state)
            return .success(.resolved(next.record))
        }
        return try result.get()
    }
}
