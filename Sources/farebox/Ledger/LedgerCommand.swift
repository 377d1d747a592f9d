import ArgumentParser
import Ledger
import LedgerSQLite
import X402

/// `farebox ledger`: the record of every payment.
struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "Look into the record of every payment, and keep the books.",
        discussion: """
            All but `resolve`, `forgive` and `refund` read the ledger's file beside a running server; they take no lock and write \
            nothing. Each payment has two \
            states. Its value: reserved, settling, uncertain, settled, released, expired, owed or written_off. Its \
            service: unused, forwarding, delivered or undelivered.

              farebox ledger list --service undelivered
              farebox ledger show 5f0c1d7b2c9a4e8f8b6a3d2e1f0c9b8a
              farebox ledger verify
            """,
        subcommands: [
            List.self, Show.self, Verify.self, Reconcile.self, Export.self, Resolve.self, Debts.self, Forgive.self,
            Credits.self,
            Refund.self, Report.self,
        ])

    /// Lists payments, newest first.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List payments, newest first.",
            discussion: """
                A table on a terminal, a JSON array otherwise.

                  farebox ledger list --value uncertain --json
                """)

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @Option(help: ArgumentHelp("The most payments to list.", valueName: "count"))
        var limit = 50

        @Option(help: ArgumentHelp("Only payments whose value is in this state.", valueName: "state"))
        var value: String?

        @Option(help: ArgumentHelp("Only payments whose service is in this state.", valueName: "state"))
        var service: String?

        @Option(help: ArgumentHelp("Only payments of this payer.", valueName: "address"))
        var payer: String?

        @Option(help: ArgumentHelp("Only payments of this route, spelled as in the file.", valueName: "match"))
        var route: String?

        @Option(help: ArgumentHelp("Only payments of this adapter.", valueName: "id"))
        var adapter: String?

        @Option(help: ArgumentHelp("Only payments that settle before, after or batch.", valueName: "timing"))
        var timing: String?

        @Option(
            help: ArgumentHelp(
                "Only payments created then or later: 2026-11-21 or 2026-11-21T09:05:00Z.", valueName: "time"))
        var since: TimeArgument?

        @Option(help: ArgumentHelp("Only payments older than this row of the JSON output.", valueName: "row"))
        var before: Int64?

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            let query = try query()
            let records = try await place.read { reader throws(LedgerError) in try await reader.payments(query) }
            if output.isJSON {
                OutputStream.standard.line(JSONValue.array(records.map(\.json)).line)
            } else if records.isEmpty {
                OutputStream.notes.line("no payments")
            } else {
                for line in PaymentTable.lines(records) { OutputStream.standard.line(line) }
            }
        }

        private func query() throws -> PaymentQuery {
            guard limit > 0 else { throw ValidationError("--limit is at least 1") }
            return PaymentQuery(
                limit: limit, before: before,
                value: try value.map { try Self.state($0, of: ValueState.allCases, word: \.word) },
                service: try service.map { try Self.state($0, of: ServiceState.allCases, word: \.word) },
                payer: payer.map { Account($0).description }, route: route, adapter: adapter,
                timing: try timing.map { try Self.state($0, of: SettlementTiming.allCases, word: \.word) },
                since: since?.time)
        }

        private static func state<S>(_ text: String, of all: [S], word: (S) -> String) throws -> S {
            guard let state = all.first(where: { word($0) == text }) else {
                throw ValidationError("`\(text)` is none of \(all.map(word).joined(separator: ", "))")
            }
            return state
        }
    }

    /// Shows one payment.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show everything that is known of one payment.",
            discussion: """
                The id is the one in the list, in receipts and in the access log. Exit code 1 when there is no such \
                payment.

                  farebox ledger show 5f0c1d7b2c9a4e8f8b6a3d2e1f0c9b8a
                """)

        @Argument(help: ArgumentHelp("The payment's id, 32 hex digits.", valueName: "payment"))
        var id: String

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            let publicID = id.lowercased()
            let record = try await place.read { reader throws(LedgerError) in
                try await reader.payment(publicID: publicID)
            }
            guard let record else {
                OutputStream.notes.line("no payment has the id `\(id.shown())`")
                throw ExitStatus.failure
            }
            if output.isJSON {
                OutputStream.standard.line(record.json.line)
            } else {
                for line in record.lines { OutputStream.standard.line(line) }
            }
        }
    }
}
