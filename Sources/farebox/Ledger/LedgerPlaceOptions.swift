import ArgumentParser
import Foundation
import Ledger
import LedgerSQLite

/// Which ledger to read or to write.
struct LedgerPlaceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The ledger's file, as `ledger.url` in the route file.", valueName: "url"))
    var ledger = "sqlite:farebox.db"

    private var path: String { ledger.hasPrefix("sqlite:") ? String(ledger.dropFirst(7)) : ledger }

    /// Opens the file, asks, and closes it; a ledger that cannot be read ends the command.
    func read<R: Sendable>(
        _ question: (SQLitePaymentReader) async throws(LedgerError) -> R
    ) async throws -> R {
        try await open { () throws(LedgerError) in
            let reader = try SQLiteLedger.openReadOnly(path: path)
            defer { reader.close() }
            return try await question(reader)
        }
    }

    /// Holds the ledger as its one writer, so that no server may run on it.
    func write<R: Sendable>(_ step: (SQLiteLedger) async throws(LedgerError) -> R) async throws -> R {
        try await open { () throws(LedgerError) in
            let ledger = try SQLiteLedger(path: path)
            do throws(LedgerError) {
                let answer = try await step(ledger)
                await ledger.close()
                return answer
            } catch {
                await ledger.close()
                throw error
            }
        }
    }

    private func open<R: Sendable>(_ body: () async throws(LedgerError) -> R) async throws -> R {
        guard FileManager.default.fileExists(atPath: path) else {
            OutputStream.notes.line("there is no ledger at `\(path)`")
            throw ExitStatus.failure
        }
        do throws(LedgerError) {
            return try await body()
        } catch {
            OutputStream.notes.line("the ledger `\(path)`: \(error.message)")
            throw ExitStatus.failure
        }
    }
}
