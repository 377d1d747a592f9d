import GRDBSQLite
import Ledger

/// The writer's connection: transactions and checkpoints; used on its thread only.
final class LedgerConnection {
    let handle: OpaquePointer
    private let begin: Statement
    private let commit: Statement
    private let rollback: Statement
    private let checkpointPages: Int
    private let log: UnsafeMutablePointer<Int>
    private var checkpointAt: Int

    /// Opens a migrated file.
    init(path: String, options: SQLiteLedgerOptions) throws(LedgerError) {
        handle = try Self.open(path, options: options)
        checkpointPages = options.checkpointPages
        checkpointAt = options.checkpointPages
        do {
            begin = try Statement("BEGIN IMMEDIATE", on: handle)
            commit = try Statement("COMMIT", on: handle)
            rollback = try Statement("ROLLBACK", on: handle)
        } catch {
            sqlite3_close_v2(handle)
            throw error
        }
        log = .allocate(capacity: 1)
        log.initialize(to: 0)
        // In place of the automatic checkpoint, which would run inside a commit, before its replies.
        sqlite3_wal_hook(
            handle,
            { count, _, _, pages in
                count?.assumingMemoryBound(to: Int.self).pointee = Int(pages)
                return SQLITE_OK
            }, log)
    }

    deinit {
        // Closes once the statements, which are released after this, are finalized.
        sqlite3_close_v2(handle)
        log.deallocate()
    }

    /// Runs the steps in one transaction; thrown is the error of a transaction that left nothing behind.
    func transaction(_ body: () throws(LedgerError) -> Void) throws(LedgerError) {
        try begin.step()
        do {
            try body()
            try commit.step()
        } catch {
            // SQLite has ended the transaction itself after some errors (sqlite.org/lang_transaction.html §3).
            if sqlite3_get_autocommit(handle) == 0 { _ = try? rollback.step() }
            throw error
        }
    }

    /// Moves the log into the file if it has grown enough; whether it did.
    ///
    /// Passive: never waits for a reader. Pages that a reader still needs stay for the next time.
    func checkpointIfDue() -> Bool {
        if log.pointee < checkpointPages { checkpointAt = checkpointPages }
        guard log.pointee >= checkpointAt else { return false }
        checkpointAt = log.pointee + checkpointPages
        sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        return true
    }

    func execute(_ sql: String) throws(LedgerError) {
        try Self.execute(sql, on: handle)
    }

    private static func open(_ path: String, options: SQLiteLedgerOptions) throws(LedgerError) -> OpaquePointer {
        var handle: OpaquePointer?
        let result = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
        guard result == SQLITE_OK, let handle else {
            sqlite3_close_v2(handle)
            throw LedgerError(sqlite: result)
        }
        do {
            sqlite3_busy_timeout(handle, options.busyTimeoutMilliseconds)
            try execute("PRAGMA synchronous = FULL", on: handle)
            try execute("PRAGMA cache_size = -\(options.cacheKibibytes)", on: handle)
            if let bytes = options.maximumFileBytes {
                try execute("PRAGMA max_page_count = \(bytes / options.pageBytes)", on: handle)
            }
            // Debian's library overwrites what it deletes; what is deleted here is public on the rail by then.
            try execute("PRAGMA secure_delete = 0", on: handle)
            try execute("PRAGMA wal_autocheckpoint = 0", on: handle)
            try execute("PRAGMA journal_size_limit = \(options.checkpointPages * options.pageBytes * 2)", on: handle)
        } catch {
            sqlite3_close_v2(handle)
            throw error
        }
        return handle
    }

    private static func execute(_ sql: String, on handle: OpaquePointer) throws(LedgerError) {
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw LedgerError(sqlite: result) }
    }
}
