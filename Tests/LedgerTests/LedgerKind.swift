import Foundation
import Ledger
import LedgerSQLite
import Primitives

/// The stores that the conformance suite runs on.
enum LedgerKind: String, CaseIterable, Sendable {
    case memory, sqlite

    /// Lends a new, empty ledger, and removes what it left behind.
    func withLedger(
        maximumIdentifiers: Int = IdentifierLimits.maximumIdentifiers,
        _ body: (any PaymentLedger) async throws -> Void
    ) async throws {
        switch self {
        case .memory: try await body(MemoryLedger(maximumIdentifiers: maximumIdentifiers))
        case .sqlite:
            try await withTemporaryFolder { folder in
                var options = SQLiteLedgerOptions()
                options.maximumIdentifiers = maximumIdentifiers
                let ledger = try SQLiteLedger(path: folder + "/ledger.db", options: options)
                do {
                    try await body(ledger)
                } catch {
                    await ledger.close()
                    throw error
                }
                await ledger.close()
            }
        }
    }
}

/// Lends the path of a new folder and removes it with all that is in it.
@discardableResult
func withTemporaryFolder<R>(_ body: (String) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ledger-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
}

extension PaymentLedger {
    func reserve(_ request: ReserveRequest) async throws -> ReserveOutcome {
        try await withCheckedContinuation { continuation in
            reserve(request) { continuation.resume(returning: $0) }
        }.get()
    }

    func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime = Sample.start
    ) async throws -> ApplyOutcome {
        try await withCheckedContinuation { continuation in
            apply(event, to: reference, now: now) { continuation.resume(returning: $0) }
        }.get()
    }

    /// The error that a claim meets, nil if it is answered.
    func failure(of request: ReserveRequest) async throws -> LedgerError? {
        do {
            _ = try await reserve(request)
            return nil
        } catch let error as LedgerError {
            return error
        }
    }

    /// Claims, and expects to be granted.
    func grant(_ request: ReserveRequest) async throws -> PaymentReference {
        let outcome = try await reserve(request)
        guard case .granted(let reference) = outcome else { throw UnexpectedOutcome(outcome: outcome) }
        return reference
    }
}

struct UnexpectedOutcome: Error {
    var outcome: ReserveOutcome
}
