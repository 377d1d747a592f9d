import Foundation
import Ledger
import Primitives
import Synchronization
import Testing

@testable import LedgerSQLite

@Suite("A SQLite ledger whose disk fails")
struct SQLiteFailureTests {
    @Test("grants nothing when the disk is full, says so, and goes on when there is space again")
    func diskFull() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            var options = SQLiteLedgerOptions()
            options.maximumFileBytes = 60 * options.pageBytes
            let ledger = try SQLiteLedger(path: path, options: options)
            var granted: UInt64 = 0
            var failure: LedgerError?
            while failure == nil, granted < 10_000 {
                failure = try await ledger.failure(of: Sample.request(granted + 1))
                if failure == nil { granted += 1 }
            }
            #expect(failure?.code == .full)
            guard case .failing(let error) = await ledger.health() else {
                Issue.record("healthy on a full disk")
                return
            }
            #expect(error.code == .full)
            #expect(try await ledger.payments(PaymentQuery(limit: 10_000)).count == Int(granted))
            #expect(try await ledger.reserve(Sample.request(1)) == .inFlight)

            try LedgerConnection(path: path, options: options).execute("DELETE FROM payment WHERE id > 20")
            #expect(await ledger.health() == .ready)
            _ = try await ledger.grant(Sample.request(granted + 1))
            await ledger.close()
        }
    }

    @Test("rolls a whole group back when one step of it fails")
    func groupFailsWhole() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            let results = Mutex<[Result<ReserveOutcome, LedgerError>]>([])
            let full = LedgerError(.full, "no space left for the ledger")
            let hold = WriterHold(ledger)
            for number in 1...5 {
                ledger.reserve(Sample.request(UInt64(number))) { result in results.withLock { $0.append(result) } }
            }
            ledger.writer.submit(TableJob({ _ throws(LedgerError) -> Void in throw full }) { _ in })
            hold.letGo()
            await ledger.close()
            #expect(results.withLock { $0 } == [Result](repeating: .failure(full), count: 5))
            let reopened = try SQLiteLedger(path: folder + "/ledger.db")
            #expect(try await reopened.payments(PaymentQuery()).isEmpty)
            await reopened.close()
        }
    }

    @Test("grants nothing when it is read-only, and goes on when it is not")
    func readOnly() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            let reference = try await ledger.grant(Sample.request(1))
            try ledger.writer.connection?.execute("PRAGMA query_only = 1")
            let expected = LedgerError(.readOnly, "the ledger cannot be written")
            await #expect(throws: expected) { _ = try await ledger.reserve(Sample.request(2)) }
            await #expect(throws: expected) { _ = try await ledger.apply(.settle, to: reference) }
            #expect(await ledger.health() == .failing(expected))
            #expect(try await ledger.payment(Sample.identity(2)) == nil)
            try ledger.writer.connection?.execute("PRAGMA query_only = 0")
            #expect(await ledger.health() == .ready)
            _ = try await ledger.grant(Sample.request(2))
            await ledger.close()
        }
    }

    @Test("grants nothing while another program holds the file, and goes on when it lets go")
    func busy() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            var options = SQLiteLedgerOptions()
            options.busyTimeoutMilliseconds = 1
            let ledger = try SQLiteLedger(path: path, options: options)
            let other = try LedgerConnection(path: path, options: options)
            try other.execute("BEGIN IMMEDIATE")
            #expect(try await ledger.failure(of: Sample.request())?.code == .busy)
            try other.execute("ROLLBACK")
            _ = try await ledger.grant(Sample.request())
            #expect(await ledger.health() == .ready)
            await ledger.close()
        }
    }

    @Test("fails the step that meets a damaged row, and no other of its group")
    func damagedRow() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            _ = try await ledger.grant(Sample.request(1))
            try ledger.writer.connection?.execute("UPDATE payment SET value = 99")
            let hold = WriterHold(ledger)
            let results = Mutex<[UInt64: Result<ReserveOutcome, LedgerError>]>([:])
            for number in [UInt64(2), 1, 3] {
                ledger.reserve(Sample.request(number)) { result in results.withLock { $0[number] = result } }
            }
            hold.letGo()
            await ledger.close()
            let heard = results.withLock { $0 }
            #expect(heard[1] == .failure(.damagedRow))
            for number in [UInt64(2), 3] {
                guard case .success(.granted) = heard[number] else {
                    Issue.record("payment \(number) was not granted")
                    return
                }
            }
        }
    }
}
