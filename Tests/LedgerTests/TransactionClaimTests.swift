import Foundation
import Ledger
import LedgerSQLite
import Primitives
import Testing
import X402

/// What every store must do with transactions that pay once.
struct TransactionClaimTests {
    enum Store: String, CaseIterable, Sendable {
        case memory, sqlite
    }

    private func identity(_ number: UInt64) throws -> PaymentIdentity {
        PaymentIdentity(key: try #require(Bytes32(UInt256(number).bigEndianBytes)))
    }

    private func temporaryPath() -> String {
        FileManager.default.temporaryDirectory.appending(path: "ledger-\(UUID().uuidString).db").path
    }

    private func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", ".lock"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    @Test("a transaction belongs to the first payment that claims it, network by network", arguments: Store.allCases)
    func first(store: Store) async throws {
        let path = temporaryPath()
        defer { remove(path) }
        let ledger: any PaymentLedger =
            switch store {
            case .memory: MemoryLedger()
            case .sqlite: try SQLiteLedger(path: path)
            }
        let bank = try #require(Network("offchain:bank"))
        let other = try #require(Network("offchain:other"))
        let (one, two) = (try identity(1), try identity(2))
        #expect(try await ledger.claimTransaction("tx", on: bank, for: one))
        #expect(try await !ledger.claimTransaction("tx", on: bank, for: two))
        #expect(try await ledger.claimTransaction("tx", on: bank, for: one))
        #expect(try await ledger.claimTransaction("tx", on: other, for: two))
        #expect(try await ledger.claimTransaction("TX", on: bank, for: two))
        await ledger.close()
        await #expect(throws: LedgerError.self) { try await ledger.claimTransaction("new", on: bank, for: one) }
    }

    @Test("of many payments that claim one transaction, one has it", arguments: Store.allCases)
    func race(store: Store) async throws {
        let path = temporaryPath()
        defer { remove(path) }
        let ledger: any PaymentLedger =
            switch store {
            case .memory: MemoryLedger()
            case .sqlite: try SQLiteLedger(path: path)
            }
        let network = try #require(Network("offchain:bank"))
        let identities = try (0..<64).map { try identity($0) }
        let granted = await withTaskGroup(of: Bool.self) { tasks in
            for identity in identities {
                tasks.addTask { (try? await ledger.claimTransaction("tx", on: network, for: identity)) ?? false }
            }
            return await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(granted == 1)
        await ledger.close()
    }

    @Test("the SQLite store remembers after it was closed")
    func durable() async throws {
        let path = temporaryPath()
        defer { remove(path) }
        let network = try #require(Network("offchain:bank"))
        let ledger = try SQLiteLedger(path: path)
        #expect(try await ledger.claimTransaction("tx", on: network, for: try identity(1)))
        await ledger.close()
        let reopened = try SQLiteLedger(path: path)
        #expect(try await !reopened.claimTransaction("tx", on: network, for: try identity(2)))
        #expect(try await reopened.claimTransaction("tx", on: network, for: try identity(1)))
        await reopened.close()
    }
}
