import Ledger
import Primitives
import Testing

@testable import LedgerSQLite

@Suite("The exposure of a SQLite ledger")
struct SQLiteExposureTests {
    @Test("outlives the process: sums, debts and what payers earned")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            let first = try SQLiteLedger(path: path)
            _ = try await ExposureConformanceTests.lose(first, 1, client: Sample.client)
            let settled = try await first.grant(Sample.request(2, opening: .settling))
            _ = try await first.apply(.settled(transaction: "0x1", forwardingUntil: nil), to: settled)
            let debts = try await first.debts()
            await first.close()

            let second = try SQLiteLedger(path: path)
            #expect(try await second.debts() == debts && debts.count == 1)
            let tight = ExposureTerms(balance: ExposureConformanceTests.price)
            #expect(try await second.reserve(Sample.request(3, opening: .settling, exposure: tight)) == .overdrawn)
            let stranger = ExposureConformanceTests.batched(4, ExposureTerms(), payer: "x", client: Sample.client)
            #expect(ExposureConformanceTests.mustSettleFirst(try await second.reserve(stranger)))
            _ = try await second.forgive(payer: Sample.claim().payer)
            let rule = ExposureTerms(newcomer: NewcomerRule(payments: 1))
            _ = try await second.grant(ExposureConformanceTests.batched(5, rule))
            await second.close()
        }
    }

    @Test("is not moved by a transaction that was rolled back")
    func rollback() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            let ledger = try SQLiteLedger(path: path)
            let reference = try await ledger.grant(ExposureConformanceTests.batched(1, nil))
            await #expect(throws: LedgerError(.full, "test")) {
                try await ledger.writer.perform { table throws(LedgerError) in
                    _ = try table.reserve(Sample.request(2, opening: .settling))
                    for event in [PaymentEvent.owed, .writtenOff(reason: "x")] {
                        _ = try table.apply(event, to: reference, now: Sample.start)
                    }
                    throw LedgerError(.full, "test")
                }
            }
            #expect(try await ledger.debts().isEmpty)
            let terms = ExposureTerms(
                balance: ExposureConformanceTests.times(2), perPayer: ExposureConformanceTests.times(2))
            _ = try await ledger.grant(ExposureConformanceTests.batched(3, terms))
            #expect(try await ledger.reserve(ExposureConformanceTests.batched(4, terms)) == .overdrawn)
            await ledger.close()
        }
    }
}
