import GRDB
package import Ledger
package import Primitives
package import X402

/// The durable ledger of one node: a SQLite file with one writer and group commit.
///
/// WAL and `synchronous = FULL`: what was answered survives the loss of power. Replies come from the writer's thread, right
/// after the commit that holds their step, in the order of submission, and must not block it. A step that fails leaves
/// nothing behind; the next one tries again, so that the store recovers by itself when its disk does.
package final class SQLiteLedger: PaymentLedger {
    let writer: LedgerWriter
    let reader: SQLitePaymentReader
    package let addressKey: Bytes32?

    /// Opens the file or makes it, brings it to the current version and starts the writer.
    ///
    /// A second opener gets `busy`, whatever process it is in.
    package init(path: String, options: SQLiteLedgerOptions = SQLiteLedgerOptions()) throws(LedgerError) {
        let file = try LedgerFile(path: path)
        addressKey = try Self.prepare(file.path, options: options)
        writer = try LedgerWriter(file: file, options: options)
        do {
            reader = try SQLitePaymentReader(path: file.path)
        } catch {
            writer.close()
            throw error
        }
    }

    deinit {
        writer.close()
    }

    /// A view of a file that may be in use by a server; it takes no lock and writes nothing.
    package static func openReadOnly(path: String) throws(LedgerError) -> SQLitePaymentReader {
        try SQLitePaymentReader(path: path)
    }

    /// What the writer has done since it started.
    package var counts: SQLiteLedgerCounts { writer.counts }

    package func reserve(
        _ request: ReserveRequest, reply: @escaping @Sendable (Result<ReserveOutcome, LedgerError>) -> Void
    ) {
        writer.submit(claim: ReserveJob(request, reply: reply))
    }

    package func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime,
        reply: @escaping @Sendable (Result<ApplyOutcome, LedgerError>) -> Void
    ) {
        writer.submit(ApplyJob(event, to: reference, now: now, reply: reply))
    }

    package func payment(_ identity: PaymentIdentity) async throws(LedgerError) -> PaymentRecord? {
        try await reader.payment(identity)
    }

    package func payment(publicID: String) async throws(LedgerError) -> PaymentRecord? {
        try await reader.payment(publicID: publicID)
    }

    package func payments(_ query: PaymentQuery) async throws(LedgerError) -> [PaymentRecord] {
        try await reader.payments(query)
    }

    package func claimTransaction(
        _ transaction: String, on network: Network, for identity: PaymentIdentity
    ) async throws(LedgerError) -> Bool {
        try await writer.perform { table throws(LedgerError) in
            try table.claimTransaction(transaction, on: network, for: identity)
        }
    }

    package func recover(now: UnixTime) async throws(LedgerError) -> [PaymentRecord] {
        try await writer.perform { table throws(LedgerError) in try table.recover(now: now) }
    }

    /// Whether the last step was committed; after a failure, whether a write succeeds now.
    package func health() async -> LedgerHealth {
        guard writer.failure != nil else { return .ready }
        do throws(LedgerError) {
            try await writer.perform { table throws(LedgerError) in try table.probe() }
            return .ready
        } catch {
            return .failing(error)
        }
    }

    package func close() async {
        // Before the writer, whose connection moves the log into the file only if it is the last.
        reader.close()
        await withCheckedContinuation { continuation in
            writer.close { continuation.resume() }
        }
    }

    private static func prepare(_ path: String, options: SQLiteLedgerOptions) throws(LedgerError) -> Bytes32? {
        var configuration = Configuration()
        configuration.label = "ledger.migration"
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA page_size = \(options.pageBytes)")
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: "PRAGMA synchronous = FULL")
        }
        let database: DatabaseQueue
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw LedgerError(error)
        }
        defer { try? database.close() }
        try LedgerSchema.migrate(database)
        do {
            return try database.read { try LedgerSchema.addressKey($0) }
        } catch {
            throw LedgerError(error)
        }
    }
}
