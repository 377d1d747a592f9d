import Foundation
import Ledger
import Primitives
import Synchronization
import Testing

@testable import LedgerSQLite

@Suite("The books of a SQLite ledger")
struct SQLiteJournalTests {
    static let opening = ClaimOpening.settled(transaction: "demo-1", forwardingUntil: Sample.lease)

    /// A ledger with a sale, a credit that was collected, one that is open, and a fee.
    static func fill(_ ledger: SQLiteLedger) async throws {
        _ = try await ledger.grant(Sample.request(1, opening: opening))
        let collected = try await ledger.grant(
            Sample.request(2, timing: .batch, opening: .forwarding(until: Sample.lease)))
        for event in [PaymentEvent.owed, .settle, JournalConformanceTests.settled] {
            _ = try await ledger.apply(event, to: collected)
        }
        let open = try await ledger.grant(
            Sample.request(3, timing: .batch, opening: .forwarding(until: Sample.lease)))
        _ = try await ledger.apply(.owed, to: open)
        let fee = NetworkFee(
            network: Sample.claim().network, transaction: "0x1", wei: UInt256(21_000), payments: 1)
        _ = try await ledger.postNetworkFee(fee, now: Sample.start)
    }

    static func audit(_ path: String) async throws -> JournalAudit {
        let reader = try SQLiteLedger.openReadOnly(path: path)
        defer { reader.close() }
        return try await reader.audit()
    }

    @Test("are audited from the file, beside a server or without one")
    func sound() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            let ledger = try SQLiteLedger(path: path)
            try await Self.fill(ledger)
            let beside = try await Self.audit(path)
            await ledger.close()
            let after = try await Self.audit(path)
            for audit in [beside, after] {
                #expect(audit.problems == [] && audit.entries == 5 && audit.payments == 3 && audit.olderPayments == 0)
                #expect(audit.balance.lines.map(\.balance) == ["21000", "-21000", "20000", "10000", "-30000"])
            }
            #expect(beside.head == after.head && after.head.number == 5)
        }
    }

    static let tamperings: [(String, [JournalProblem])] = [
        (
            "UPDATE journal SET amount = 9999 WHERE id = 1",
            [
                .brokenChain(1),
                .disagrees(subject: Sample.identity(1).key, states: .paid, journal: .paid),
            ]
        ),
        ("UPDATE journal SET at = at + 1 WHERE id = 4", [.brokenChain(4)]),
        ("UPDATE terms SET asset = 'EUR' WHERE timing = 1", [.brokenChain(1)]),
        (
            "DELETE FROM journal WHERE id = 3",
            [
                .missing(3, before: 4), .brokenChain(4),
                .disagrees(subject: Sample.identity(2).key, states: .paid, journal: .receivable),
            ]
        ),
        (
            "UPDATE payment SET value = 4 WHERE id = 3",
            [
                .disagrees(subject: Sample.identity(3).key, states: .paid, journal: .receivable)
            ]
        ),
        (
            "UPDATE payment SET amount = 1 WHERE id = 1",
            [
                .disagrees(subject: Sample.identity(1).key, states: .paid, journal: .paid)
            ]
        ),
        ("DELETE FROM payment WHERE id = 3", [.unknown(subject: Sample.identity(3).key)]),
        ("UPDATE network_fee SET amount = 1", [.wrongFee(subject: fee)]),
        ("DELETE FROM network_fee", [.unknown(subject: fee)]),
        ("DELETE FROM journal WHERE id = 5", [.wrongFee(subject: fee)]),
    ]

    static let fee = NetworkFee(
        network: Sample.claim().network, transaction: "0x1", wei: UInt256(1), payments: 1
    ).subject

    @Test("show whatever was changed behind the program's back", arguments: tamperings)
    func tampered(sql: String, problems: [JournalProblem]) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            let ledger = try SQLiteLedger(path: path)
            try await Self.fill(ledger)
            await ledger.close()
            try LedgerConnection(path: path, options: SQLiteLedgerOptions())
                .execute("PRAGMA foreign_keys = OFF; \(sql)")
            #expect(Set(try await Self.audit(path).problems) == Set(problems))
        }
    }

    @Test("go on after a restart where they ended")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            for number in UInt64(1)...3 {
                let ledger = try SQLiteLedger(path: path)
                _ = try await ledger.grant(Sample.request(number, opening: Self.opening))
                await ledger.close()
            }
            let audit = try await Self.audit(path)
            #expect(audit.problems == [] && audit.entries == 3)
        }
    }

    @Test("hold nothing of a transaction that was rolled back")
    func rollback() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            let ledger = try SQLiteLedger(path: path)
            _ = try await ledger.grant(Sample.request(1, opening: Self.opening))
            await #expect(throws: LedgerError(.full, "test")) {
                try await ledger.writer.perform { table throws(LedgerError) in
                    _ = try table.reserve(Sample.request(2, opening: Self.opening))
                    throw LedgerError(.full, "test")
                }
            }
            _ = try await ledger.grant(Sample.request(3, opening: Self.opening))
            await ledger.close()
            let audit = try await Self.audit(path)
            #expect(audit.problems == [] && audit.entries == 2)
        }
    }

    @Test("are whole with many claims in flight")
    func many() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            let ledger = try SQLiteLedger(path: path)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in UInt64(1)...2_000 {
                    group.addTask {
                        let reference = try await ledger.grant(Sample.request(number, opening: Self.opening))
                        _ = try await ledger.apply(.delivered, to: reference)
                    }
                }
                try await group.waitForAll()
            }
            await ledger.close()
            let reader = try SQLiteLedger.openReadOnly(path: path)
            let audit = try await reader.audit()
            #expect(audit.problems == [] && audit.entries == 2_000 && audit.payments == 2_000)
            reader.close()
        }
    }

    @Test("begin with the version that brought them, and say of how many payments they know nothing")
    func migrated() async throws {
        let fixture = try #require(Bundle.module.url(forResource: "Resources/version-1", withExtension: "sqlite"))
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            try FileManager.default.copyItem(at: fixture, to: URL(fileURLWithPath: path))
            let ledger = try SQLiteLedger(path: path)
            _ = try await ledger.grant(Sample.request(9, opening: Self.opening))
            let old = try #require(try await ledger.payments(PaymentQuery(value: .uncertain)).first)
            _ = try await ledger.apply(JournalConformanceTests.settled, to: old.reference)
            await ledger.close()
            let audit = try await Self.audit(path)
            #expect(audit.problems == [] && audit.olderPayments == 4 && audit.payments == 1 && audit.entries == 2)
        }
    }
}
