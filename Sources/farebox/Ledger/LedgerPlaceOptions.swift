import ArgumentParser
import Foundation
import Ledger
import LedgerSQLite

/// Which ledger to read.
struct LedgerPlaceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The ledger's file, as `ledger.url` in the route file.", valueName: "url"))
    var ledger = "sqlite:farebox.db"

    /// Opens the file, asks, and closes it; a ledger that cannot be read ends the command.
    func read<R: Sendable>(
        _ question: (SQLitePaymentReader) async throws(LedgerError) -> R
    ) async throws -> R {
        let path = ledger.hasPrefix("sqlite:") ? String(ledger.dropFirst(7)) : ledger
        guard FileManager.default.fileExists(atPath: path) else {
            OutputStream.notes.line("there is no ledger at `\(path)`")
            throw ExitStatus.failure
        }
        do throws(LedgerError) {
            let reader = try SQLiteLedger.openReadOnly(path: path)
            let answer = try await question(reader)
            reader.close()
            return answer
        } catch {
            OutputStream.notes.line("the ledger `\(path)`: \(error.message)")
            throw ExitStatus.failure
        }
    }
}
