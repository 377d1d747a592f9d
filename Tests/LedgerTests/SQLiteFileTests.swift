import Foundation
import Ledger
import Primitives
import Testing

@testable import LedgerSQLite

@Suite("The file of a SQLite ledger")
struct SQLiteFileTests {
    @Test("is readable by its owner only, with its log and its lock")
    func permissions() async throws {
        try await withTemporaryFolder { folder in
            let ledger = try SQLiteLedger(path: folder + "/ledger.db")
            _ = try await ledger.grant(Sample.request())
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(names == ["ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.db.lock"])
            for name in names {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
            }
            await ledger.close()
        }
    }

    @Test("is held by one ledger at a time, under whatever name")
    func lock() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            let first = try SQLiteLedger(path: path)
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/other.db", withDestinationPath: path)
            let expected = LedgerError(.busy, "another process runs on this ledger")
            for name in ["/ledger.db", "/./ledger.db", "/other.db"] {
                #expect(throws: expected) { try SQLiteLedger(path: folder + name) }
            }
            #expect(await first.health() == .ready)
            await first.close()
            let second = try SQLiteLedger(path: folder + "/other.db")
            await second.close()
        }
    }

    @Test("is not made in a folder that is not there")
    func missingFolder() async throws {
        try await withTemporaryFolder { folder in
            #expect(throws: LedgerError(.unavailable, "the ledger's file cannot be opened")) {
                try SQLiteLedger(path: folder + "/none/ledger.db")
            }
        }
    }

    @Test("is refused when it is no database, or another program's")
    func foreign() async throws {
        try await withTemporaryFolder { folder in
            let text = folder + "/text.db"
            try Data(String(repeating: "not a database ", count: 100).utf8).write(to: URL(fileURLWithPath: text))
            #expect { try SQLiteLedger(path: text) } throws: { ($0 as? LedgerError)?.code == .corrupt }

            let other = folder + "/other.db"
            #expect(FileManager.default.createFile(atPath: other, contents: nil))
            try LedgerConnection(path: other, options: SQLiteLedgerOptions()).execute("CREATE TABLE album (id INTEGER)")
            let expected = LedgerError(.migration, "the file is a database, but not a ledger")
            #expect(throws: expected) { try SQLiteLedger(path: other) }
            #expect(throws: expected) { try SQLiteLedger.openReadOnly(path: other) }
        }
    }

    @Test("is refused when a newer version wrote it")
    func newer() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            await (try SQLiteLedger(path: path)).close()
            try LedgerConnection(path: path, options: SQLiteLedgerOptions())
                .execute("PRAGMA user_version = \(LedgerSchema.version + 1)")
            let expected = LedgerError(.migration, "a newer version wrote the ledger")
            #expect(throws: expected) { try SQLiteLedger(path: path) }
            #expect(throws: expected) { try SQLiteLedger.openReadOnly(path: path) }
        }
    }

    @Test("of version 1 is brought up to date, with all its payments")
    func version1() async throws {
        let fixture = try #require(Bundle.module.url(forResource: "Resources/version-1", withExtension: "sqlite"))
        try await withTemporaryFolder { folder in
            let path = folder + "/ledger.db"
            try FileManager.default.copyItem(at: fixture, to: URL(fileURLWithPath: path))
            let ledger = try SQLiteLedger(path: path)
            let records = try await ledger.payments(PaymentQuery())
            #expect(
                records.map(\.state) == [
                    PaymentState(.uncertain, .unused), PaymentState(.settled, .undelivered),
                    PaymentState(.settled, .delivered), PaymentState(.reserved, .unused),
                ])
            #expect(records[3].claim == Sample.claim(1, settlement: [1, 2, 3]))
            #expect(records[1].transaction == "0xabc" && records[1].body == Sample.print)
            let again = Sample.request(3, proof: PresenterProof(grant: Sample.grant))
            #expect(
                try await ledger.reserve(again)
                    == .redelivery(records[1].reference, transaction: "0xabc", body: Sample.print))
            #expect(try await ledger.reserve(Sample.request(2)) == .used)
            _ = try await ledger.grant(Sample.request(5))
            await ledger.close()
        }
    }
}
