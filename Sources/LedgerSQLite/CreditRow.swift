import Ledger
import Primitives
import X402

/// How a credit lies in the columns of `credit`.
enum CreditRow {
    /// Reads credits, each with the state of its payment and the number of its terms; a condition or an order follows.
    static let select = """
        SELECT c.identity, c.payer, t.network, t.asset, c.scope, c.scope_name, c.token, c.is_balance, c.uses, c.bytes, \
        c.seconds, c.opened_at, c.expires_at, c.uses_left, c.bytes_left, c.bytes_held, c.total, c.charged, c.held, \
        c.refunded, c.is_deferred, c.terms, p.value, p.service FROM credit AS c JOIN terms AS t ON t.id = c.terms \
        JOIN payment AS p ON p.identity = c.identity
        """

    static let put = """
        INSERT INTO credit (identity, payer, scope, scope_name, token, is_balance, uses, bytes, seconds, opened_at, \
        expires_at, uses_left, bytes_left, bytes_held, total, charged, held, refunded, is_deferred, terms) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
        ON CONFLICT (identity) DO UPDATE SET payer = ?2, scope = ?3, scope_name = ?4, token = ?5, is_balance = ?6, \
        uses = ?7, bytes = ?8, seconds = ?9, opened_at = ?10, expires_at = ?11, uses_left = ?12, bytes_left = ?13, \
        bytes_held = ?14, total = ?15, charged = ?16, held = ?17, refunded = ?18, is_deferred = ?19, terms = ?20
        """

    static func bind(_ credit: Credit, terms: Int64, to statement: Statement) {
        statement.bind(credit.identity.key, at: 1)
        statement.bind(credit.payer, at: 2)
        statement.bind(credit.terms.scope, at: 3)
        statement.bind(credit.terms.scopeName, at: 4)
        statement.bind(credit.terms.token, at: 5)
        statement.bind(Int64(credit.terms.isBalance ? 1 : 0), at: 6)
        statement.bind(credit.terms.uses.map { Int64($0) }, at: 7)
        statement.bind(credit.terms.bytes.map { Int64(bitPattern: $0) }, at: 8)
        statement.bind(credit.terms.seconds, at: 9)
        statement.bind(credit.openedAt, at: 10)
        statement.bind(credit.expiresAt, at: 11)
        statement.bind(credit.usesLeft.map { Int64($0) }, at: 12)
        statement.bind(credit.bytesLeft.map { Int64(bitPattern: $0) }, at: 13)
        statement.bind(Int64(bitPattern: credit.bytesHeld), at: 14)
        statement.bind(credit.total, at: 15)
        statement.bind(credit.charged, at: 16)
        statement.bind(credit.held, at: 17)
        statement.bind(credit.refunded, at: 18)
        statement.bind(Int64(credit.isDeferred ? 1 : 0), at: 19)
        statement.bind(terms, at: 20)
    }

    /// A credit with what belongs to its row.
    struct Found {
        var credit: Credit
        var terms: Int64
        var payment: PaymentState
    }

    static func found(in row: Statement) throws(LedgerError) -> Found {
        guard let identity = row.bytes32(0), let payer = row.text(1),
            let network = row.text(2).flatMap({ Network($0) }),
            let asset = row.text(3), let scope = row.bytes32(4), let name = row.text(5), let token = row.bytes32(6),
            let total = row.amount(16), let charged = row.amount(17), let held = row.amount(18),
            let refunded = row.amount(19),
            let value = UInt8(exactly: row.integer(22)).flatMap(ValueState.init(rawValue:)),
            let service = UInt8(exactly: row.integer(23)).flatMap(ServiceState.init(rawValue:))
        else { throw .damagedRow }
        let terms = CreditTerms(
            scope: scope, scopeName: name, token: token, isBalance: row.integer(7) == 1, uses: count(row, 8),
            bytes: bits(row, 9), seconds: row.isNull(10) ? nil : row.integer(10))
        let credit = Credit(
            identity: PaymentIdentity(key: identity), payer: payer,
            currency: Currency(network: network, asset: Account(asset)), terms: terms,
            openedAt: UnixTime(row.integer(11)),
            expiresAt: row.time(12), usesLeft: count(row, 13), bytesLeft: bits(row, 14), bytesHeld: bits(row, 15) ?? 0,
            total: total, charged: charged, held: held, refunded: refunded, isDeferred: row.integer(20) == 1)
        return Found(
            credit: credit, terms: row.integer(21), payment: PaymentState(value: value, service: service))
    }

    private static func count(_ row: Statement, _ column: Int32) -> UInt32? {
        row.isNull(column) ? nil : UInt32(clamping: row.integer(column))
    }

    /// The bits of an unsigned number.
    private static func bits(_ row: Statement, _ column: Int32) -> UInt64? {
        row.isNull(column) ? nil : UInt64(bitPattern: row.integer(column))
    }
}
