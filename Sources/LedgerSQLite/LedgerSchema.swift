import Foundation
import GRDB
import Ledger
import Primitives

/// The tables of a ledger file, by version.
///
/// `PRAGMA user_version` is the number of the last migration that ran; a published migration is never edited.
enum LedgerSchema {
    static let version = migrations.count

    /// `PRAGMA application_id`, the letters `FARE`.
    static let applicationID: Int32 = 0x4641_5245

    /// Condition of the index on payments that are not at rest; queries must repeat it to use the index.
    ///
    /// A payment that is settled and forwarded in the step that makes its row is not in it: an entry made and taken away per
    /// payment costs a fifth of the payment. `recovery.floor` is the first row that recovery must look at for those.
    /// Written without a list: SQLite 3.40 builds a table for `IN` at every row.
    static let isOpen = "(value < 4 OR value = 7 OR (service = 2 AND is_rewritten = 1))"

    private static let migrations: [String] = [first, second, third, fourth, fifth, sixth, seventh, eighth]

    /// What repeats from payment to payment is one row of `terms`; a payment names it by number.
    ///
    /// `target` is the hash of the request that a claim of the paywall opens, or of the call that a seller's was made by. An
    /// amount is an integer, or 32 bytes, most significant first, where it does not fit one. Rowid table and unique index:
    /// with `WITHOUT ROWID` the row would lie at the random place of its key.
    private static let first = """
        CREATE TABLE terms (
            id INTEGER PRIMARY KEY,
            owner INTEGER NOT NULL,
            route TEXT NOT NULL,
            method TEXT NOT NULL,
            adapter TEXT NOT NULL,
            form INTEGER NOT NULL,
            timing INTEGER NOT NULL,
            scheme TEXT NOT NULL,
            network TEXT NOT NULL,
            asset TEXT NOT NULL,
            pay_to TEXT NOT NULL,
            UNIQUE (route, method, asset, network, pay_to, adapter, scheme, owner, form, timing)
        ) STRICT;
        CREATE TABLE payment (
            id INTEGER PRIMARY KEY,
            identity BLOB NOT NULL,
            value INTEGER NOT NULL,
            service INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            terms INTEGER NOT NULL REFERENCES terms (id),
            amount ANY NOT NULL,
            payer TEXT NOT NULL,
            target BLOB NOT NULL,
            valid_before INTEGER,
            lease_until INTEGER,
            waiting_since INTEGER,
            redeliveries INTEGER NOT NULL,
            is_rewritten INTEGER NOT NULL,
            rail_transaction TEXT,
            reason TEXT,
            client_hash BLOB,
            grant_hash BLOB,
            body_length INTEGER,
            body_digest BLOB,
            body_complete INTEGER,
            settlement BLOB
        ) STRICT;
        CREATE TABLE rail_transaction (
            network TEXT NOT NULL,
            name TEXT NOT NULL,
            identity BLOB NOT NULL,
            PRIMARY KEY (network, name)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE recovery (floor INTEGER NOT NULL) STRICT;
        INSERT INTO recovery (floor) VALUES (0);
        CREATE TABLE probe (filler BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX payment_identity ON payment (identity);
        CREATE INDEX payment_open ON payment (value) WHERE \(isOpen);
        """

    /// What a later process must know to judge what an earlier one wrote.
    private static let second = """
        CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO secret (name, value) VALUES ('address_key', randomblob(32));
        """

    /// What payers earned and owe, which outlives their payments, and the books.
    ///
    /// The journal begins here: of payments up to `journal_start.payment` it does not know what was before.
    private static let third = """
        CREATE TABLE payer (
            network TEXT NOT NULL,
            asset TEXT NOT NULL,
            name TEXT NOT NULL,
            settled INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            PRIMARY KEY (network, asset, name)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE debt (
            identity BLOB PRIMARY KEY,
            network TEXT NOT NULL,
            asset TEXT NOT NULL,
            payer TEXT NOT NULL,
            client_hash BLOB,
            amount ANY NOT NULL,
            since INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE journal (
            id INTEGER PRIMARY KEY,
            kind INTEGER NOT NULL,
            at INTEGER NOT NULL,
            terms INTEGER REFERENCES terms (id),
            network TEXT,
            amount ANY NOT NULL,
            subject BLOB NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE network_fee (
            subject BLOB PRIMARY KEY,
            network TEXT NOT NULL,
            rail_transaction TEXT NOT NULL,
            amount ANY NOT NULL,
            payments INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE journal_start (payment INTEGER NOT NULL) STRICT;
        INSERT INTO journal_start (payment) SELECT coalesce(max(id), 0) FROM payment;
        """

    /// What is charged of a payment's amount, where that is less.
    private static let fourth = "ALTER TABLE payment ADD COLUMN charge ANY;"

    /// What is free and how much of it was used; what settled payments still open, and the requests that draw on it.
    ///
    /// `uses`, `bytes` and `seconds` are what was sold; null stands for no bound. Counts of bytes are the bits of unsigned
    /// numbers.
    private static let fifth = """
        CREATE TABLE allowance (
            key BLOB PRIMARY KEY,
            used INTEGER NOT NULL,
            ends_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX allowance_end ON allowance (ends_at);
        CREATE TABLE credit (
            id INTEGER PRIMARY KEY,
            identity BLOB NOT NULL UNIQUE,
            payer TEXT NOT NULL,
            scope BLOB NOT NULL,
            scope_name TEXT NOT NULL,
            token BLOB NOT NULL,
            is_balance INTEGER NOT NULL,
            uses INTEGER,
            bytes INTEGER,
            seconds INTEGER,
            opened_at INTEGER NOT NULL,
            expires_at INTEGER,
            uses_left INTEGER,
            bytes_left INTEGER,
            bytes_held INTEGER NOT NULL,
            total ANY NOT NULL,
            charged ANY NOT NULL,
            held ANY NOT NULL,
            refunded ANY NOT NULL,
            is_deferred INTEGER NOT NULL,
            terms INTEGER NOT NULL REFERENCES terms (id)
        ) STRICT;
        CREATE INDEX credit_token ON credit (token);
        CREATE INDEX credit_payer ON credit (payer, scope);
        CREATE TABLE credit_draw (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            identity BLOB NOT NULL,
            amount ANY NOT NULL,
            bytes INTEGER NOT NULL,
            at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX credit_draw_identity ON credit_draw (identity);
        """

    /// The ids that clients gave to what they paid for, and the answers that they get again.
    ///
    /// `size` is what the answer takes of the store's bound. The length of a body is the bits of an unsigned number.
    private static let sixth = """
        CREATE TABLE identifier (
            id INTEGER PRIMARY KEY,
            key BLOB NOT NULL UNIQUE,
            fingerprint BLOB NOT NULL,
            identity BLOB NOT NULL,
            expires_at INTEGER NOT NULL,
            size INTEGER NOT NULL,
            status INTEGER,
            length INTEGER,
            body_length INTEGER,
            body_digest BLOB,
            body_complete INTEGER,
            head BLOB,
            content BLOB
        ) STRICT;
        CREATE INDEX identifier_end ON identifier (expires_at);
        """

    /// What requests would have brought on routes in shadow mode.
    ///
    /// `day` is in days since 1970-01-01 UTC; network and asset are empty where there was no price.
    private static let seventh = """
        CREATE TABLE shadow (
            day INTEGER NOT NULL,
            route TEXT NOT NULL,
            client TEXT NOT NULL,
            outcome INTEGER NOT NULL,
            network TEXT NOT NULL,
            asset TEXT NOT NULL,
            requests INTEGER NOT NULL,
            charged INTEGER NOT NULL,
            amount ANY NOT NULL,
            PRIMARY KEY (day, route, client, outcome, network, asset)
        ) STRICT, WITHOUT ROWID;
        """

    /// Finds the id of a payment, which is free when the payment came to nothing.
    private static let eighth = "CREATE INDEX identifier_identity ON identifier (identity);"

    /// The key of the hashes of presenters' addresses.
    static func addressKey(_ db: Database) throws -> Bytes32? {
        try Data.fetchOne(db, sql: "SELECT value FROM secret WHERE name = 'address_key'").flatMap {
            Bytes32([UInt8]($0))
        }
    }

    /// Brings a file to the current version, step by step, each in a transaction of its own.
    static func migrate(_ database: DatabaseQueue) throws(LedgerError) {
        do {
            try database.writeWithoutTransaction { db in
                let found = try check(db, isNewAllowed: true)
                for (number, sql) in migrations.enumerated().dropFirst(found) {
                    try db.inTransaction(.exclusive) {
                        try db.execute(sql: sql)
                        try db.execute(sql: "PRAGMA application_id = \(applicationID)")
                        try db.execute(sql: "PRAGMA user_version = \(number + 1)")
                        return .commit
                    }
                }
            }
        } catch {
            throw LedgerError(error)
        }
    }

    /// Refuses a file that a reader of this version does not understand.
    static func requireCurrent(_ db: Database) throws {
        guard try check(db, isNewAllowed: false) == version else {
            throw LedgerError(.migration, "an older version wrote the ledger; the server brings it up to date")
        }
    }

    private static func check(_ db: Database, isNewAllowed: Bool) throws -> Int {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let owner = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
        if found == 0, owner == 0, isEmpty, isNewAllowed { return 0 }
        guard owner == applicationID else { throw LedgerError(.migration, "the file is a database, but not a ledger") }
        guard (1...version).contains(found) else {
            throw LedgerError(.migration, "a newer version wrote the ledger")
        }
        return found
    }
}
