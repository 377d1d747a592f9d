import ArgumentParser
import Foundation
import Ledger
import LedgerSQLite
import Primitives
import X402

extension LedgerCommand {
    /// Ends a payment that no rail can tell about.
    struct Resolve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what became of a payment that no rail can tell about.",
            discussion: """
                For payments whose value is uncertain or owed, and whose rail cannot be asked (any more). `settled` says \
                that the value moved, by the transaction; `released` that it did not and cannot. A payment that was served \
                is never released: it is written off. Stop the server first: one process writes the ledger. This cannot \
                be taken back.

                  farebox ledger resolve 5f0c1d7b2c9a4e8f8b6a3d2e1f0c9b8a settled --transaction 0x… --reason "bank statement"
                  farebox ledger resolve 5f0c1d7b2c9a4e8f8b6a3d2e1f0c9b8a released --reason "the bank says never received"
                """)

        enum Word: String, ExpressibleByArgument, CaseIterable {
            case settled, released
        }

        @Argument(help: ArgumentHelp("The payment's id, 32 hex digits.", valueName: "payment"))
        var id: String

        @Argument(help: "settled or released.")
        var word: Word

        @Option(help: ArgumentHelp("The transaction that moved the value.", valueName: "name"))
        var transaction: String?

        @Option(help: ArgumentHelp("Why you know; kept with the payment.", valueName: "text"))
        var reason: String

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @OptionGroup
        var output: OutputOptions

        /// Bytes of a reason or a transaction at most.
        private static let maximumText = 500

        func run() async throws {
            try check()
            let resolution: Resolution = word == .settled ? .settled(transaction: transaction) : .released
            let (publicID, reason) = (id.lowercased(), reason)
            let now = UnixTime(Int64(Date().timeIntervalSince1970))
            let outcome = try await place.write { ledger throws(LedgerError) in
                try await ledger.resolve(publicID: publicID, as: resolution, reason: reason, now: now)
            }
            guard case .resolved(let record) = outcome else {
                OutputStream.notes.line(refusal(outcome))
                throw ExitStatus.failure
            }
            if output.isJSON {
                OutputStream.standard.line(record.json.line)
            } else {
                for line in record.lines { OutputStream.standard.line(line) }
            }
        }

        private func check() throws {
            for (name, text) in [("--reason", reason), ("--transaction", transaction)] {
                guard let text else { continue }
                guard !text.isEmpty, text.utf8.count <= Self.maximumText else {
                    throw ValidationError("\(name) has 1 to \(Self.maximumText) bytes")
                }
            }
            guard word == .settled || transaction == nil else {
                throw ValidationError("--transaction belongs to `settled`")
            }
        }

        private func refusal(_ outcome: ResolveOutcome) -> String {
            switch outcome {
            case .refused(let state) where state.value == .settling || state.value == .reserved:
                "the payment is \(state.value.word): start the server once, which asks its rail"
            case .refused(let state):
                "the payment is \(state.value.word): only uncertain and owed ones can be resolved"
            case .transactionMissing: "the ledger knows no transaction of this payment: name it with --transaction"
            case .transactionTaken: "that transaction settled another payment"
            case .unknownPayment, .resolved: "no payment has the id `\(id.shown())`"
            }
        }
    }
}
