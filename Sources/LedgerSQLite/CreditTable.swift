import GRDBSQLite
import Ledger
import Primitives

/// What settled payments still open; used on the writer's thread only.
///
/// Every judgement is made by `Credit`; here it is looked up and written down.
final class CreditTable {
    private let connection: OpaquePointer
    private let journal: JournalTable
    private let put: Statement
    private let byIdentity: Statement
    private let byToken: Statement
    private let byPayer: Statement
    private let insertDraw: Statement
    private let findDraw: Statement
    private let holdBytes: Statement
    private let deleteDraw: Statement
    private let deleteDraws: Statement
    private let openDraws: Statement

    init(connection: OpaquePointer, journal: JournalTable) throws(LedgerError) {
        self.connection = connection
        self.journal = journal
        put = try Statement(CreditRow.put, on: connection)
        byIdentity = try Statement(CreditRow.select + " WHERE c.identity = ?1", on: connection)
        byToken = try Statement(CreditRow.select + " WHERE c.token = ?1 ORDER BY c.id", on: connection)
        byPayer = try Statement(
            CreditRow.select + " WHERE c.payer = ?1 AND c.scope IN (?2, ?3) ORDER BY c.id", on: connection)
        insertDraw = try Statement(
            "INSERT INTO credit_draw (identity, amount, bytes, at) VALUES (?1, ?2, 0, ?3)", on: connection)
        findDraw = try Statement(
            "SELECT amount, bytes FROM credit_draw WHERE id = ?1 AND identity = ?2", on: connection)
        holdBytes = try Statement("UPDATE credit_draw SET bytes = ?2 WHERE id = ?1", on: connection)
        deleteDraw = try Statement("DELETE FROM credit_draw WHERE id = ?1", on: connection)
        deleteDraws = try Statement("DELETE FROM credit_draw WHERE identity = ?1", on: connection)
        openDraws = try Statement("SELECT id, identity, amount, bytes FROM credit_draw ORDER BY id", on: connection)
    }

    /// Makes the credit of a claim that was granted, in the place of one that ended with an earlier claim.
    func open(_ request: ReserveRequest, terms: StoredTerms) throws(LedgerError) {
        guard let wanted = request.credit else { return }
        let credit = Credit(wanted, of: request.claim, now: request.now)
        if let old = try find(credit.identity) {
            try note(old.credit.line(.voided, old.credit.owed, at: request.now), terms: old.terms, old.credit)
            deleteDraws.bind(credit.identity.key, at: 1)
            try deleteDraws.step()
        }
        try write(credit, terms: terms.number)
    }

    /// Holds what a request needs, or says why not.
    func draw(_ request: DrawRequest) throws(LedgerError) -> DrawOutcome {
        var choice = DrawChoice()
        var terms: Int64 = 0
        let candidates = bind(request)
        defer { candidates.reset() }
        while try candidates.step() {
            let found = try CreditRow.found(in: candidates)
            if case .token(let token, let payment) = request.presenter,
                !found.credit.isOpened(by: token, payment: payment)
            {
                continue
            }
            terms = found.terms
            guard choice.consider(found.credit, request, payment: found.payment) else { break }
        }
        guard case .granted(var credit, let amount) = choice.decision else { return choice.refusal }
        try note(credit.defer(at: request.now), terms: terms, credit)
        try write(credit, terms: terms)
        insertDraw.bind(credit.identity.key, at: 1)
        insertDraw.bind(amount, at: 2)
        insertDraw.bind(request.now, at: 3)
        try insertDraw.step()
        let row = sqlite3_last_insert_rowid(connection)
        return .granted(
            DrawReference(identity: credit.identity, row: row, amount: amount, currency: credit.currency),
            left: credit.left)
    }

    /// Holds bytes for the answer of a draw; nil where there are not so many.
    func hold(_ bytes: UInt64?, for reference: DrawReference) throws(LedgerError) -> UInt64? {
        guard let draw = try openDraw(reference), let found = try find(reference.identity),
            let held = found.credit.holding(bytes, for: draw)
        else { return nil }
        guard found.credit.bytesLeft != nil else { return held.bytes }
        try write(held.credit, terms: found.terms)
        holdBytes.bind(reference.row, at: 1)
        holdBytes.bind(Int64(bitPattern: held.bytes), at: 2)
        try holdBytes.step()
        return held.bytes
    }

    /// Ends a draw; a second end changes nothing.
    func end(_ reference: DrawReference, _ end: DrawEnd, now: UnixTime) throws(LedgerError) -> CreditLeft {
        guard let found = try find(reference.identity) else { return CreditLeft() }
        guard let draw = try openDraw(reference) else { return found.credit.left }
        deleteDraw.bind(reference.row, at: 1)
        try deleteDraw.step()
        let ended = found.credit.ending(draw, end)
        try note(ended.credit.line(.drawn, ended.charged, at: now), terms: found.terms, ended.credit)
        try write(ended.credit, terms: found.terms)
        return ended.credit.left
    }

    /// Writes that what is left was paid back.
    func refund(
        _ identity: PaymentIdentity, now: UnixTime
    ) throws(LedgerError) -> (credit: Credit, amount: UInt256)? {
        guard let found = try find(identity), var refund = found.credit.refunding() else { return nil }
        try note(refund.credit.defer(at: now), terms: found.terms, refund.credit)
        try note(refund.credit.line(.refunded, refund.amount, at: now), terms: found.terms, refund.credit)
        try write(refund.credit, terms: found.terms)
        return refund
    }

    /// Gives back what draws hold that no process will end.
    func releaseAll() throws(LedgerError) {
        var open: [(row: Int64, identity: PaymentIdentity, draw: OpenDraw)] = []
        while try openDraws.step() {
            guard let key = openDraws.bytes32(1), let amount = openDraws.amount(2) else {
                openDraws.reset()
                throw .damagedRow
            }
            let draw = OpenDraw(amount: amount, bytes: UInt64(bitPattern: openDraws.integer(3)))
            open.append((openDraws.integer(0), PaymentIdentity(key: key), draw))
        }
        for (row, identity, draw) in open {
            deleteDraw.bind(row, at: 1)
            try deleteDraw.step()
            guard let found = try find(identity) else { continue }
            try write(found.credit.ending(draw, .release).credit, terms: found.terms)
        }
    }

    private func bind(_ request: DrawRequest) -> Statement {
        switch request.presenter {
        case .claim(let reference):
            byIdentity.bind(reference.identity.key, at: 1)
            return byIdentity
        case .token(let token, _):
            byToken.bind(token, at: 1)
            return byToken
        case .payer(let payer):
            byPayer.bind(payer, at: 1)
            byPayer.bind(request.scopes.first, at: 2)
            byPayer.bind(request.scopes.last, at: 3)
            return byPayer
        }
    }

    private func find(_ identity: PaymentIdentity) throws(LedgerError) -> CreditRow.Found? {
        byIdentity.bind(identity.key, at: 1)
        guard try byIdentity.step() else { return nil }
        defer { byIdentity.reset() }
        return try CreditRow.found(in: byIdentity)
    }

    private func openDraw(_ reference: DrawReference) throws(LedgerError) -> OpenDraw? {
        findDraw.bind(reference.row, at: 1)
        findDraw.bind(reference.identity.key, at: 2)
        guard try findDraw.step() else { return nil }
        defer { findDraw.reset() }
        guard let amount = findDraw.amount(0) else { throw .damagedRow }
        return OpenDraw(amount: amount, bytes: UInt64(bitPattern: findDraw.integer(1)))
    }

    private func write(_ credit: Credit, terms: Int64) throws(LedgerError) {
        CreditRow.bind(credit, terms: terms, to: put)
        try put.step()
    }

    private func note(_ line: JournalLine?, terms: Int64, _ credit: Credit) throws(LedgerError) {
        if let line { try journal.write(line, terms: terms, network: nil, currency: credit.currency.digest) }
    }
}
