import Ledger
import Primitives
import Testing

@testable import LedgerSQLite

@Suite("The counters of a SQLite ledger")
struct SQLiteAllowanceTests {
    static let hour = AllowanceWindow(seconds: 3_600)

    static func claim(_ who: Int, _ table: AllowanceTable, at now: UnixTime) throws(LedgerError) -> Bool {
        let claim = AllowanceClaim(key: Sample.bytes(UInt64(who)), window: hour, limit: 5, amount: 1)
        return try table.claim(claim, now: now).isGranted
    }

    @Test("are bounded: a new one is refused when all are in use, and let in once others are over")
    func bounded() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            let heard = try await ledger.writer.perform { _ throws(LedgerError) -> [Bool] in
                guard let handle = ledger.writer.connection?.handle else { return [] }
                let table = try AllowanceTable(connection: handle, maximum: 3)
                var heard: [Bool] = []
                for who in 1...4 { heard.append(try Self.claim(who, table, at: Sample.start)) }
                heard.append(try Self.claim(2, table, at: Sample.start))
                heard.append(try Self.claim(4, table, at: Sample.start.adding(seconds: 7_200)))
                return heard
            }
            #expect(heard == [true, true, true, false, true, true])
            await ledger.close()
        }
    }

    @Test("that are over go faster than new ones come")
    func pruned() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            let left = try await ledger.writer.perform { table throws(LedgerError) -> Int64 in
                for who in 1...100 { _ = try Self.claim(who, table.allowances, at: Sample.start) }
                let later = Sample.start.adding(seconds: 7_200)
                for who in 200...260 { _ = try Self.claim(who, table.allowances, at: later) }
                guard let handle = ledger.writer.connection?.handle else { return 0 }
                let count = try Statement("SELECT count(*) FROM allowance", on: handle)
                return try count.step() ? count.integer(0) : 0
            }
            #expect(left == 61)
            await ledger.close()
        }
    }

    @Test("take nothing in a transaction that was rolled back")
    func rolledBack() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            await #expect(throws: LedgerError(.full, "test")) {
                try await ledger.writer.perform { table throws(LedgerError) in
                    _ = try Self.claim(1, table.allowances, at: Sample.start)
                    throw LedgerError(.full, "test")
                }
            }
            let claim = AllowanceClaim(key: Sample.bytes(1), window: Self.hour, limit: 5, amount: 5)
            #expect(try await ledger.claim(claim, now: Sample.start).isGranted)
            await ledger.close()
        }
    }
}
