import ArgumentParser
import Ledger
import LedgerSQLite
import Primitives
import Proxy
import X402

extension LedgerCommand {
    /// Writes payments or the journal for other programs.
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write all payments, or the journal, as CSV or JSON lines.",
            discussion: """
                Oldest first. Amounts are atomic units, times are UTC. The journal has one line per posting: a debit and a \
                credit for each entry.

                  farebox ledger export > payments.csv
                  farebox ledger export --journal --format jsonl --since 2026-11-01 > journal.jsonl
                """)

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case csv, jsonl
        }

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @Flag(help: "The journal instead of the payments.")
        var journal = false

        @Option(help: "csv or jsonl.")
        var format = Format.csv

        @Option(
            help: ArgumentHelp(
                "Only payments created, or entries made, then or later: 2026-11-21 or 2026-11-21T09:05:00Z.",
                valueName: "time"))
        var since: TimeArgument?

        func run() async throws {
            if journal {
                try await exportJournal()
            } else {
                try await exportPayments()
            }
        }

        private static let pageSize = 1_000

        private func exportPayments() async throws {
            if format == .csv { OutputStream.standard.line(CSVLine.text(PaymentRecord.csvColumns)) }
            let (format, since) = (format, since?.time)
            try await place.read { reader throws(LedgerError) in
                var query = PaymentQuery(limit: Self.pageSize, since: since, order: .oldestFirst)
                while true {
                    let page = try await reader.payments(query)
                    OutputStream.standard.lines(page.map { format == .csv ? $0.csvLine : $0.json.line })
                    guard page.count == query.limit, let last = page.last else { return }
                    query.after = last.reference.row
                }
            }
        }

        private func exportJournal() async throws {
            if format == .csv { OutputStream.standard.line(CSVLine.text(JournalEntry.csvColumns)) }
            let (format, since) = (format, since?.time)
            try await place.read { reader throws(LedgerError) in
                var number: Int64 = 0
                while true {
                    let page = try await reader.journal(after: number, limit: Self.pageSize)
                    let chosen = page.filter { entry in since.map { entry.line.at >= $0 } ?? true }
                    OutputStream.standard.lines(chosen.flatMap { format == .csv ? $0.csvLines : $0.jsonLines })
                    guard page.count == Self.pageSize, let last = page.last else { return }
                    number = last.number
                }
            }
        }
    }
}
