import Ledger
import Primitives
import Testing

@testable import LedgerSQLite

@Suite("The rows of a SQLite ledger by their time")
struct SQLiteTimeTests {
    /// Days of the rows, with gaps in their keys where some were deleted.
    static let days: [Int64] = [0, 0, 1, 1, 5, 5, 5, 9, 20, 21, 40, 40, 41, 90]

    @Test("are found by bisection as by looking at each", arguments: [0, 5, 7, 13], [Int64(-1), 0, 43_200])
    func since(deleted: Int, offset: Int64) async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            for (number, day) in Self.days.enumerated() {
                _ = try await ledger.grant(
                    Sample.request(UInt64(number), now: Sample.start.adding(seconds: day * 86_400)))
            }
            await ledger.close()
            try LedgerConnection(path: folder + "/ledger.db", options: SQLiteLedgerOptions())
                .execute("PRAGMA foreign_keys = OFF; DELETE FROM payment WHERE id <= \(deleted) AND id > 1")
            let reader = try SQLiteLedger.openReadOnly(path: folder + "/ledger.db")
            let all = try await reader.payments(PaymentQuery(limit: 100))
            for day in Int64(-1)...91 {
                let since = Sample.start.adding(seconds: day * 86_400 + offset)
                let found = try await reader.payments(PaymentQuery(limit: 100, since: since))
                #expect(found == all.filter { $0.createdAt >= since })
                let after = try await reader.payments(PaymentQuery(limit: 100, after: 6, since: since))
                #expect(after == found.filter { $0.reference.row > 6 })
            }
            reader.close()
        }
    }

    @Test("are found where the clock was set back for less than a day")
    func clockSetBack() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            for (number, hour) in [Int64(0), 50, 60, 37, 38, 61, 90].enumerated() {
                _ = try await ledger.grant(
                    Sample.request(UInt64(number), now: Sample.start.adding(seconds: hour * 3_600)))
            }
            for hour in Int64(0)...91 {
                let since = Sample.start.adding(seconds: hour * 3_600)
                let found = try await ledger.payments(PaymentQuery(limit: 100, since: since))
                #expect(found.count == [0, 50, 60, 37, 38, 61, 90].filter { $0 >= hour }.count)
            }
            await ledger.close()
        }
    }
}
