import GRDBSQLite
import Ledger
import Primitives
import X402

/// The statements of the writer, prepared once; used on its thread only.
///
/// Every judgement is made by `Ledger`; here it is looked up and written down.
final class PaymentTable {
    private let connection: OpaquePointer
    private let terms: TermsTable
    private let exposure: ExposureTable
    private let journal: JournalTable
    let allowances: AllowanceTable
    let credits: CreditTable
    let identifiers: IdentifierTable
    let shadow: ShadowTable
    private let insert: Statement
    private let update: Statement
    private let byIdentity: Statement
    private let byRow: Statement
    private let openRows: Statement
    private let raiseFloor: Statement
    private let deliver: Statement
    private let bindTransaction: Statement
    private let findTransaction: Statement
    private let fill: Statement
    private let empty: Statement

    init(
        connection: OpaquePointer, maximumIdentifiers: Int = IdentifierLimits.maximumIdentifiers
    ) throws(LedgerError) {
        self.connection = connection
        terms = try TermsTable(connection: connection)
        exposure = try ExposureTable(
            connection: connection, open: PaymentRow.select + " WHERE \(LedgerSchema.isOpen)")
        journal = try JournalTable(connection: connection)
        allowances = try AllowanceTable(connection: connection)
        credits = try CreditTable(connection: connection, journal: journal)
        identifiers = try IdentifierTable(connection: connection, maximum: maximumIdentifiers)
        shadow = try ShadowTable(connection: connection)
        insert = try Statement(PaymentRow.insert, on: connection)
        update = try Statement(PaymentRow.update, on: connection)
        byIdentity = try Statement(PaymentRow.select + " WHERE p.identity = ?1", on: connection)
        byRow = try Statement(PaymentRow.select + " WHERE p.id = ?1 AND p.identity = ?2", on: connection)
        openRows = try Statement(PaymentRow.select + Self.isLeftOpen, on: connection)
        raiseFloor = try Statement(Self.raiseFloor, on: connection)
        deliver = try Statement(Self.deliverSettled, on: connection)
        bindTransaction = try Statement(
            "INSERT INTO rail_transaction (network, name, identity) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            on: connection)
        findTransaction = try Statement(
            "SELECT 1 FROM rail_transaction WHERE network = ?1 AND name = ?2 AND identity = ?3", on: connection)
        fill = try Statement("INSERT INTO probe (filler) VALUES (zeroblob(\(Self.probeBytes)))", on: connection)
        empty = try Statement("DELETE FROM probe", on: connection)
    }

    /// Grants the claim or says why not; a new identity costs one statement.
    func reserve(_ request: ReserveRequest) throws(LedgerError) -> ReserveOutcome {
        if let identifier = request.identifier, let outcome = try identified(identifier, request) { return outcome }
        let verdict = try exposure.verdict(on: request)
        let unknown = request.decide(over: nil, exposure: verdict)
        if case .insert(let entry) = unknown {
            let stored = try terms.stored(Terms(entry.record.claim))
            PaymentRow.bind(entry, terms: stored.number, to: insert)
            try insert.step()
            if sqlite3_changes(connection) == 1 {
                let row = sqlite3_last_insert_rowid(connection)
                try exposure.note(from: nil, to: entry)
                try journal.note(from: nil, to: entry, terms: stored)
                try open(request, terms: stored)
                return verdict.outcome(
                    granting: PaymentReference(identity: request.claim.identity, row: row))
            }
        }
        byIdentity.bind(request.claim.identity.key, at: 1)
        guard let existing = try entry(of: byIdentity) else {
            guard case .refuse(let outcome) = unknown else { throw .damagedRow }
            return outcome
        }
        switch request.decide(over: existing, exposure: verdict) {
        case .refuse(let outcome): return outcome
        case .replace(let entry, let outcome):
            let stored = try write(entry, over: existing)
            if outcome.isGrantedAnew { try open(request, terms: stored) }
            return outcome
        case .insert: throw .damagedRow
        }
    }

    /// What the id of a claim decides; nil where the claim alone does.
    private func identified(
        _ identifier: IdentifierClaim, _ request: ReserveRequest
    ) throws(LedgerError) -> ReserveOutcome? {
        guard let known = try identifiers.entry(identifier.key, now: request.now) else {
            return try identifiers.hasRoom(now: request.now) ? nil : .identifierRefused(.full)
        }
        let holder = try entry(under: known.payment)
        let own = known.payment == request.claim.identity ? holder : try entry(under: request.claim.identity)
        switch request.decide(identifier: known, holder: holder, own: own) {
        case .refuse(let outcome): return outcome
        case .replace(let entry, let outcome) where !outcome.isGrantedAnew:
            guard let holder else { throw .damagedRow }
            try write(entry, over: holder)
            return outcome
        // A new claim is made, and measured, like any other.
        case .insert, .replace, nil: return nil
        }
    }

    private func entry(under identity: PaymentIdentity) throws(LedgerError) -> PaymentEntry? {
        byIdentity.bind(identity.key, at: 1)
        return try entry(of: byIdentity)
    }

    /// Writes what goes with a claim that was granted anew.
    private func open(_ request: ReserveRequest, terms stored: StoredTerms) throws(LedgerError) {
        try credits.open(request, terms: stored)
        if let identifier = request.identifier {
            try identifiers.bind(identifier, to: request.claim.identity, now: request.now)
        }
    }

    /// Makes one transition, if the state allows it.
    func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime
    ) throws(LedgerError) -> ApplyOutcome {
        if event == .delivered, try deliverSettled(reference, now: now) {
            return .applied(PaymentState(value: .settled, service: .delivered))
        }
        byRow.bind(reference.row, at: 1)
        byRow.bind(reference.identity.key, at: 2)
        guard let existing = try entry(of: byRow) else { return .unknownPayment }
        guard let next = existing.after(event, now: now) else { return .refused(existing.record.state) }
        try write(next, over: existing)
        return .applied(next.record.state)
    }

    /// Ends a payment by an operator's word.
    func resolve(
        _ reference: PaymentReference, as resolution: Resolution, reason: String, now: UnixTime
    ) throws(LedgerError) -> ResolveOutcome {
        byRow.bind(reference.row, at: 1)
        byRow.bind(reference.identity.key, at: 2)
        guard let existing = try entry(of: byRow) else { return .unknownPayment }
        guard let next = existing.resolved(as: resolution, reason: reason, now: now) else {
            return existing.record.refusal(of: resolution)
        }
        if let transaction = next.record.transactionToBind {
            let network = next.record.claim.network
            guard try claimTransaction(transaction, on: network, for: reference.identity) else {
                return .transactionTaken
            }
        }
        try write(next, over: existing)
        return .resolved(next.record)
    }

    /// Binds a transaction to the payment that it settled; false when it is another payment's.
    func claimTransaction(
        _ transaction: String, on network: Network, for identity: PaymentIdentity
    ) throws(LedgerError) -> Bool {
        for statement in [bindTransaction, findTransaction] {
            statement.bind(network.name, at: 1)
            statement.bind(transaction, at: 2)
            statement.bind(identity.key, at: 3)
        }
        try bindTransaction.step()
        let isFound = try findTransaction.step()
        findTransaction.reset()
        return isFound
    }

    /// Ends what a crash left open; returns what the rails have to answer.
    func recover(now: UnixTime) throws(LedgerError) -> [PaymentRecord] {
        try credits.releaseAll()
        var entries: [PaymentEntry] = []
        while try openRows.step() { entries.append(try decode(openRows)) }
        for index in entries.indices {
            guard let next = entries[index].recovered(now: now) else { continue }
            try write(next, over: entries[index])
            entries[index] = next
        }
        try raiseFloor.step()
        return entries.filter(\.needsRail).map(\.record)
    }

    /// Asks for new pages and gives them back, to see whether the file can grow.
    func probe() throws(LedgerError) {
        try fill.step()
        try empty.step()
    }

    /// Ends the debts of a payer.
    func forgive(_ payer: String) throws(LedgerError) -> [Debt] {
        try exposure.forgive(payer)
    }

    /// Writes a network fee into the books.
    func post(_ fee: NetworkFee, at time: UnixTime) throws(LedgerError) -> Bool {
        try journal.post(fee, at: time)
    }

    /// The transaction is durable: what it left in memory is true.
    func keep() {
        exposure.keep()
        journal.keep()
        allowances.keep()
        identifiers.keep()
        shadow.keep()
    }

    /// Forgets what a rolled back transaction left in memory.
    func forget() {
        terms.forget()
        exposure.takeBack()
        journal.takeBack()
        allowances.takeBack()
        identifiers.takeBack()
        shadow.takeBack()
    }

    /// The most frequent transition without reading the row first: `PaymentState.after` from the one usual state.
    ///
    /// The columns that change keep their size, so that SQLite overwrites the row in place.
    private static let deliverSettled = """
        UPDATE payment SET service = \(ServiceState.delivered.rawValue), updated_at = ?3 \
        WHERE id = ?1 AND identity = ?2 \
        AND value = \(ValueState.settled.rawValue) AND service = \(ServiceState.forwarding.rawValue)
        """

    private static let isLeftOpen = """
         WHERE p.id IN (
            SELECT id FROM payment WHERE \(LedgerSchema.isOpen)
            UNION SELECT id FROM payment WHERE id >= (SELECT floor FROM recovery) AND service = 2
        ) ORDER BY p.id
        """

    private static let raiseFloor = "UPDATE recovery SET floor = (SELECT coalesce(max(id), 0) + 1 FROM payment)"

    private static let probeBytes = 16_384

    private func deliverSettled(_ reference: PaymentReference, now: UnixTime) throws(LedgerError) -> Bool {
        deliver.bind(reference.row, at: 1)
        deliver.bind(reference.identity.key, at: 2)
        deliver.bind(now, at: 3)
        try deliver.step()
        return sqlite3_changes(connection) == 1
    }

    @discardableResult
    private func write(_ entry: PaymentEntry, over old: PaymentEntry) throws(LedgerError) -> StoredTerms {
        let stored = try terms.stored(Terms(entry.record.claim))
        PaymentRow.bind(entry, terms: stored.number, to: update)
        try update.step()
        try exposure.note(from: old, to: entry)
        try journal.note(from: old, to: entry, terms: stored)
        if entry.cameToNothing { try identifiers.free(entry.record.reference.identity) }
        return stored
    }

    private func entry(of statement: Statement) throws(LedgerError) -> PaymentEntry? {
        guard try statement.step() else { return nil }
        defer { statement.reset() }
        return try PaymentRow.entry(from: statement)
    }

    private func decode(_ row: Statement) throws(LedgerError) -> PaymentEntry {
        do {
            return try PaymentRow.entry(from: row)
        } catch {
            row.reset()
            throw error
        }
    }
}
