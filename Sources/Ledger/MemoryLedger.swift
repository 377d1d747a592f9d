package import Primitives
import Synchronization
package import X402

/// The ledger without a disk, for tests and the demo; it forgets everything when it ends.
package final class MemoryLedger: PaymentLedger {
    struct State {
        var entries: [PaymentEntry] = []
        var rows: [PaymentIdentity: Int] = [:]
        var publicIDs: [String: Int] = [:]
        /// Which payment a transaction settled, by network and transaction.
        var transactions: [Network: [String: PaymentIdentity]] = [:]
        var exposure = ExposureBook()
        var histories: [PayerKey: PayerHistory] = [:]
        var books = MemoryJournal()
        var allowances: [Bytes32: Allowance] = [:]
        var credits = MemoryCredits()
        var identifiers = MemoryIdentifiers()
        var shadow: [ShadowKey: ShadowCount] = [:]
        var isClosed = false
        /// Replies that are due, in the order of their commits.
        var outbox: [@Sendable () -> Void] = []
        var isDraining = false
    }

    let state = Mutex(State())

    package init(maximumIdentifiers: Int = IdentifierLimits.maximumIdentifiers) {
        state.withLock { $0.identifiers = MemoryIdentifiers(maximum: maximumIdentifiers) }
    }

    package func reserve(
        _ request: ReserveRequest, reply: @escaping @Sendable (Result<ReserveOutcome, LedgerError>) -> Void
    ) {
        state.withLock { state in
            let result = Self.reserve(request, in: &state)
            state.outbox.append { reply(result) }
        }
        drain()
    }

    package func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime,
        reply: @escaping @Sendable (Result<ApplyOutcome, LedgerError>) -> Void
    ) {
        state.withLock { state in
            let result = Self.apply(event, to: reference, now: now, in: &state)
            state.outbox.append { reply(result) }
        }
        drain()
    }

    package func keep(_ answer: KeptAnswer, under identifier: Bytes32, of payment: PaymentIdentity) {
        state.withLock { $0.identifiers.keep(answer, under: identifier, of: payment) }
    }

    package func payment(_ identity: PaymentIdentity) async throws(LedgerError) -> PaymentRecord? {
        state.withLock { state in state.rows[identity].map { state.entries[$0].record } }
    }

    package func payment(publicID: String) async throws(LedgerError) -> PaymentRecord? {
        state.withLock { state in state.publicIDs[publicID].map { state.entries[$0].record } }
    }

    package func payments(_ query: PaymentQuery) async throws(LedgerError) -> [PaymentRecord] {
        state.withLock { state in
            let records = state.entries.lazy.map(\.record)
            switch query.order {
            case .newestFirst: return Array(records.reversed().filter(query.matches).prefix(query.limit))
            case .oldestFirst: return Array(records.filter(query.matches).prefix(query.limit))
            }
        }
    }

    package func recover(now: UnixTime) async throws(LedgerError) -> [PaymentRecord] {
        state.withLock { state in
            state.credits.releaseAll()
            for (index, entry) in state.entries.enumerated() {
                if let next = entry.recovered(now: now) { Self.write(next, at: index, in: &state) }
            }
            return state.entries.filter(\.needsRail).map(\.record)
        }
    }

    package func claimTransaction(
        _ transaction: String, on network: Network, for identity: PaymentIdentity
    ) async throws(LedgerError) -> Bool {
        let result = state.withLock { state -> Result<Bool, LedgerError> in
            if state.isClosed { return .failure(.isClosed) }
            let owner = state.transactions[network, default: [:]][transaction]
            if owner == nil { state.transactions[network, default: [:]][transaction] = identity }
            return .success(owner == nil || owner == identity)
        }
        return try result.get()
    }

    package func health() async -> LedgerHealth {
        state.withLock { $0.isClosed ? .failing(.isClosed) : .ready }
    }

    package func close() async {
        state.withLock { $0.isClosed = true }
    }

    private static func reserve(
        _ request: ReserveRequest, in state: inout State
    ) -> Result<ReserveOutcome, LedgerError> {
        if state.isClosed { return .failure(.isClosed) }
        let identity = request.claim.identity
        let row = state.rows[identity]
        let verdict = state.exposure.verdict(on: request) { state.histories[$0]?.settled ?? 0 }
        let existing = row.map { state.entries[$0] }
        let byIdentifier = identified(request, own: existing, in: &state)
        switch byIdentifier ?? request.decide(over: existing, exposure: verdict) {
        case .insert(var entry):
            let index = state.entries.count
            entry.record.reference.row = Int64(index + 1)
            note(from: nil, to: entry, in: &state)
            state.entries.append(entry)
            state.rows[identity] = index
            state.publicIDs[identity.publicID] = index
            open(request, in: &state)
            return .success(verdict.outcome(granting: entry.record.reference))
        case .replace(let entry, let outcome):
            if let row = state.rows[entry.record.reference.identity] { write(entry, at: row, in: &state) }
            if outcome.isGrantedAnew { open(request, in: &state) }
            return .success(outcome)
        case .refuse(let outcome): return .success(outcome)
        }
    }

    /// What the id of a claim decides; nil where the claim alone does.
    private static func identified(
        _ request: ReserveRequest, own: PaymentEntry?, in state: inout State
    ) -> ReserveDecision? {
        guard let identifier = request.identifier else { return nil }
        guard let known = state.identifiers.entry(identifier.key, now: request.now) else {
            return state.identifiers.hasRoom(now: request.now) ? nil : .refuse(.identifierRefused(.full))
        }
        let holder = state.rows[known.payment].map { state.entries[$0] }
        return request.decide(identifier: known, holder: holder, own: own)
    }

    /// Writes what goes with a claim that was granted anew.
    private static func open(_ request: ReserveRequest, in state: inout State) {
        state.credits.open(request, books: &state.books)
        if let identifier = request.identifier {
            state.identifiers.bind(identifier, to: request.claim.identity)
        }
    }

    private static func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime, in state: inout State
    ) -> Result<ApplyOutcome, LedgerError> {
        if state.isClosed { return .failure(.isClosed) }
        guard let index = state.rows[reference.identity], state.entries[index].record.reference == reference else {
            return .success(.unknownPayment)
        }
        guard let next = state.entries[index].after(event, now: now) else {
            return .success(.refused(state.entries[index].record.state))
        }
        write(next, at: index, in: &state)
        return .success(.applied(next.record.state))
    }

    static func write(_ entry: PaymentEntry, at index: Int, in state: inout State) {
        note(from: state.entries[index], to: entry, in: &state)
        state.entries[index] = entry
        if entry.cameToNothing { state.identifiers.free(entry.record.reference.identity) }
    }

    private static func note(from old: PaymentEntry?, to new: PaymentEntry, in state: inout State) {
        if let line = JournalLine(from: old, to: new) {
            state.books.write(line, currency: Currency(new.record.claim))
        }
        guard let change = state.exposure.change(from: old, to: new) else { return }
        state.exposure.apply(change)
        if let history = change.history {
            state.histories[history.key, default: PayerHistory()].add(history)
        }
    }

    /// Replies outside the lock and one at a time, so that a reply may call the ledger and the order holds.
    func drain() {
        while true {
            let due = state.withLock { state -> [@Sendable () -> Void]? in
                if state.isDraining || state.outbox.isEmpty { return nil }
                state.isDraining = true
                defer { state.outbox = [] }
                return state.outbox
            }
            guard let due else { return }
            for reply in due { reply() }
            state.withLock { $0.isDraining = false }
        }
    }
}

extension LedgerError {
    /// What a store answers after `close`.
    package static var isClosed: LedgerError { LedgerError(.closed, "the ledger is closed") }
}
