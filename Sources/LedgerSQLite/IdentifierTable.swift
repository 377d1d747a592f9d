import GRDBSQLite
import Ledger
import Primitives

/// The ids of payers and the answers kept for them; used on the writer's thread only.
final class IdentifierTable {
    private let connection: OpaquePointer
    private let find: Statement
    private let put: Statement
    private let fill: Statement
    private let over: Statement
    private let delete: Statement
    private let ofPayment: Statement
    private let maximum: Int
    private let maximumBytes: Int
    private var total: Total
    /// As of the last commit.
    private var committed: Total

    private struct Total {
        var count = 0
        var bytes = 0
    }

    init(
        connection: OpaquePointer, maximum: Int = IdentifierLimits.maximumIdentifiers,
        maximumBytes: Int = IdentifierLimits.maximumAnswerBytes
    ) throws(LedgerError) {
        self.connection = connection
        self.maximum = maximum
        self.maximumBytes = maximumBytes
        find = try Statement(Self.select, on: connection)
        put = try Statement(
            """
            INSERT INTO identifier (key, fingerprint, identity, expires_at, size) VALUES (?1, ?2, ?3, ?4, 0)
            """, on: connection)
        fill = try Statement(
            """
            UPDATE identifier SET size = ?3, status = ?4, length = ?5, body_length = ?6, body_digest = ?7,
            body_complete = ?8, head = ?9, content = ?10 WHERE key = ?1 AND identity = ?2 AND head IS NULL
            """, on: connection)
        over = try Statement(
            "SELECT key, size FROM identifier WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2", on: connection)
        delete = try Statement("DELETE FROM identifier WHERE key = ?1", on: connection)
        ofPayment = try Statement("SELECT key FROM identifier WHERE identity = ?1", on: connection)
        let all = try Statement("SELECT count(*), coalesce(sum(size), 0) FROM identifier", on: connection)
        total = try all.step() ? Total(count: Int(all.integer(0)), bytes: Int(all.integer(1))) : Total()
        all.reset()
        committed = total
    }

    /// What is remembered under a key.
    func entry(_ key: Bytes32, now: UnixTime) throws(LedgerError) -> IdentifierEntry? {
        find.bind(key, at: 1)
        guard try find.step() else { return nil }
        defer { find.reset() }
        guard let fingerprint = find.bytes32(0), let identity = find.bytes32(1), let expiresAt = find.time(2) else {
            throw .damagedRow
        }
        guard now < expiresAt else { return nil }
        return IdentifierEntry(
            fingerprint: fingerprint, payment: PaymentIdentity(key: identity), expiresAt: expiresAt, answer: answer())
    }

    private func answer() -> KeptAnswer? {
        guard let head = find.bytes(9), let digest = find.bytes32(7) else { return nil }
        return KeptAnswer(
            status: Int(find.integer(4)), head: head,
            length: find.isNull(5) ? nil : UInt64(bitPattern: find.integer(5)), body: find.bytes(10) ?? [],
            request: BodyPrint(
                length: UInt64(bitPattern: find.integer(6)), digest: digest, isComplete: find.integer(8) == 1))
    }

    /// Whether one more can be remembered; removes some of what is over.
    func hasRoom(now: UnixTime) throws(LedgerError) -> Bool {
        if total.count < maximum { return true }
        try removeOver(now: now, limit: 4_096)
        return total.count < maximum
    }

    /// Remembers what the id of a claim was used for.
    func bind(_ claim: IdentifierClaim, to payment: PaymentIdentity, now: UnixTime) throws(LedgerError) {
        // Two for each new one, so that what is over goes faster than what comes.
        try removeOver(now: now, limit: 2)
        try remove(claim.key)
        put.bind(claim.key, at: 1)
        put.bind(claim.fingerprint, at: 2)
        put.bind(payment.key, at: 3)
        put.bind(claim.expiresAt, at: 4)
        try put.step()
        total.count += 1
    }

    /// Forgets the id of a payment that came to nothing.
    func free(_ payment: PaymentIdentity) throws(LedgerError) {
        if total.count == 0 { return }
        ofPayment.bind(payment.key, at: 1)
        for key in try keys(of: ofPayment) { try remove(key) }
    }

    /// Keeps an answer where there is room for it.
    func keep(_ answer: KeptAnswer, under key: Bytes32, of payment: PaymentIdentity) throws(LedgerError) {
        guard total.bytes + answer.byteCount <= maximumBytes else { return }
        fill.bind(key, at: 1)
        fill.bind(payment.key, at: 2)
        fill.bind(Int64(answer.byteCount), at: 3)
        fill.bind(Int64(answer.status), at: 4)
        fill.bind(answer.length.map { Int64(bitPattern: $0) }, at: 5)
        fill.bind(Int64(bitPattern: answer.request.length), at: 6)
        fill.bind(answer.request.digest, at: 7)
        fill.bind(Int64(answer.request.isComplete ? 1 : 0), at: 8)
        answer.head.withUnsafeBytes { fill.bind($0, at: 9) }
        answer.body.withUnsafeBytes { fill.bind($0, at: 10) }
        try fill.step()
        if sqlite3_changes(connection) == 1 { total.bytes += answer.byteCount }
    }

    /// The transaction is durable.
    func keep() { committed = total }

    /// The transaction was rolled back.
    func takeBack() { total = committed }

    private static let select = """
        SELECT fingerprint, identity, expires_at, size, status, length, body_length, body_digest, body_complete, head, \
        content FROM identifier WHERE key = ?1
        """

    private func removeOver(now: UnixTime, limit: Int64) throws(LedgerError) {
        over.bind(now, at: 1)
        over.bind(limit, at: 2)
        for key in try keys(of: over) { try remove(key) }
    }

    private func keys(of statement: Statement) throws(LedgerError) -> [Bytes32] {
        var keys: [Bytes32] = []
        while try statement.step() {
            guard let key = statement.bytes32(0) else {
                statement.reset()
                throw .damagedRow
            }
            keys.append(key)
        }
        return keys
    }

    private func remove(_ key: Bytes32) throws(LedgerError) {
        find.bind(key, at: 1)
        guard try find.step() else { return }
        let size = Int(find.integer(3))
        find.reset()
        delete.bind(key, at: 1)
        try delete.step()
        total.count -= 1
        total.bytes -= size
    }
}
