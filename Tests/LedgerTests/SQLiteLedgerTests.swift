import Foundation
import Ledger
import Primitives
import Synchronization
import Testing

@testable import LedgerSQLite

@Suite("The SQLite ledger")
struct SQLiteLedgerTests {
    @Test("keeps everything over a restart")
    func survivesReopen() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            let first = try SQLiteLedger(path: path)
            let reference = try await first.grant(Sample.request(opening: .settling, settlement: [1, 2, 3]))
            _ = try await first.apply(.uncertain(transaction: "0xabc"), to: reference)
            let failed = PaymentEvent.undelivered(grant: Sample.grant, client: Sample.client, body: Sample.print)
            _ = try await first.apply(failed, to: reference)
            let before = try await first.payments(PaymentQuery())
            await first.close()

            let second = try SQLiteLedger(path: path)
            #expect(try await second.payments(PaymentQuery()) == before)
            _ = try await second.apply(.settled(transaction: "0xabc", forwardingUntil: nil), to: reference)
            let again = Sample.request(proof: PresenterProof(grant: Sample.grant))
            #expect(
                try await second.reserve(again) == .redelivery(reference, transaction: "0xabc", body: Sample.print))
            await second.close()
        }
    }

    @Test("commits once for all that was queued during a commit", arguments: [(1_024, 1, 200), (64, 4, 64)])
    func groupCommit(maximumGroup: Int, commits: Int, largest: Int) async throws {
        try await withTemporaryFolder { folder in
            var options = SQLiteLedgerOptions()
            options.maximumGroup = maximumGroup
            let ledger = try SQLiteLedger(path: folder + "/ledger.db", options: options)
            let hold = WriterHold(ledger)
            let answers = DispatchGroup()
            for number in 1...200 {
                answers.enter()
                ledger.reserve(Sample.request(UInt64(number))) { _ in answers.leave() }
            }
            hold.letGo()
            await withCheckedContinuation { continuation in
                answers.notify(queue: .global()) { continuation.resume() }
            }
            #expect(ledger.counts.commits == 1 + commits)
            #expect(ledger.counts.steps == 201)
            #expect(ledger.counts.largestGroup == largest)
            await ledger.close()
        }
    }

    @Test("refuses claims beyond its queue as busy, and still takes transitions")
    func queueLimit() async throws {
        try await withTemporaryFolder { folder in
            var options = SQLiteLedgerOptions()
            options.maximumQueuedClaims = 10
            let ledger = try SQLiteLedger(path: folder + "/ledger.db", options: options)
            let reference = try await ledger.grant(Sample.request(1_000))
            let hold = WriterHold(ledger)
            let results = Mutex<[Result<ReserveOutcome, LedgerError>]>([])
            for number in 1...11 {
                ledger.reserve(Sample.request(UInt64(number))) { result in results.withLock { $0.append(result) } }
            }
            #expect(results.withLock { $0.count } == 1)
            let settling = Mutex<ApplyOutcome?>(nil)
            ledger.apply(.settle, to: reference, now: Sample.start) { result in
                settling.withLock { $0 = try? result.get() }
            }
            hold.letGo()
            await ledger.close()
            #expect(settling.withLock { $0 } == .applied(PaymentState(.settling, .unused)))
            let failures = results.withLock { $0.filter { if case .failure = $0 { true } else { false } } }
            #expect(failures == [.failure(LedgerError(.busy, "too many claims wait for the ledger"))])
            #expect(results.withLock { $0.count } == 11)
        }
    }

    @Test("moves its log into the file between commits, and loses nothing by it")
    func checkpoints() async throws {
        try await withTemporaryFolder { folder in
            var options = SQLiteLedgerOptions()
            options.checkpointPages = 20
            let ledger = try SQLiteLedger(path: folder + "/ledger.db", options: options)
            for number in 1...200 { _ = try await ledger.grant(Sample.request(UInt64(number))) }
            #expect(ledger.counts.checkpoints > 5)
            #expect(try await ledger.payments(PaymentQuery(limit: 500)).count == 200)
            let log = try FileManager.default.attributesOfItem(atPath: folder + "/ledger.db-wal")[.size] as? Int
            #expect(try #require(log) < 100 * (options.pageBytes + 24))
            await ledger.close()
        }
    }

    @Test("is read by others while it runs, and never written by them")
    func readOnly() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            #expect(throws: LedgerError.self) { try SQLiteLedger.openReadOnly(path: path) }
            let ledger = try SQLiteLedger(path: path)
            let reader = try SQLiteLedger.openReadOnly(path: path)
            let reference = try await ledger.grant(Sample.request())
            #expect(try await reader.payment(reference.identity)?.claim == Sample.claim())
            #expect(try await reader.payment(publicID: reference.identity.publicID)?.reference == reference)
            await ledger.close()
            #expect(try await reader.payments(PaymentQuery()).count == 1)
            reader.close()
            let later = try SQLiteLedger.openReadOnly(path: path)
            #expect(try await later.payments(PaymentQuery()).count == 1)
            later.close()
        }
    }

    @Test("does not wait for a reader, and finishes its checkpoint when the reader is gone")
    func readersDoNotBlock() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            var options = SQLiteLedgerOptions()
            options.checkpointPages = 20
            let ledger = try SQLiteLedger(path: path, options: options)
            _ = try await ledger.grant(Sample.request(1))
            let snapshot = try LedgerConnection(path: path, options: options)
            try snapshot.execute("BEGIN; SELECT count(*) FROM payment")
            for number in 2...100 { _ = try await ledger.grant(Sample.request(UInt64(number))) }
            try snapshot.execute("COMMIT")
            for number in 101...200 { _ = try await ledger.grant(Sample.request(UInt64(number))) }
            #expect(try await ledger.payments(PaymentQuery(limit: 500)).count == 200)
            await ledger.close()
        }
    }
}
