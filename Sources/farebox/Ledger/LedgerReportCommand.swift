import ArgumentParser
import Ledger
import LedgerSQLite
import Primitives
import X402

extension LedgerCommand {
    /// Adds up what was taken, and what would have been.
    struct Report: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add up the revenue by route and client, and what routes in shadow mode would have brought.",
            discussion: """
                Rows of mode `taken` are payments: `charged` counts those that are settled, and `revenue` is their sum. \
                Rows of mode `shadow` are requests of routes with `mode = "shadow"`: what they would have been asked, \
                and what their answers would have brought had everybody paid.

                  farebox ledger report
                  farebox ledger report --by client --since 2026-11-01 --json
                """)

        @Option(help: ArgumentHelp("Keep apart by route, by route and client, or by route and day.", valueName: "what"))
        var by = RevenueReport.Detail.route

        @Option(help: ArgumentHelp("Only this route, spelled as in the file.", valueName: "match"))
        var route: String?

        @Option(
            help: ArgumentHelp("From this day on; of payments, from this moment: 2026-11-21.", valueName: "time"))
        var since: TimeArgument?

        @Option(
            help: ArgumentHelp("Up to this day; of payments, up to this moment: 2026-11-30.", valueName: "time"))
        var until: TimeArgument?

        @Option(help: ArgumentHelp("The most rows to show.", valueName: "count"))
        var limit = 100

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @OptionGroup
        var output: OutputOptions

        private static let pageSize = 1_000

        func run() async throws {
            guard limit > 0 else { throw ValidationError("--limit is at least 1") }
            let report = try await place.read { reader throws(LedgerError) in
                var report = RevenueReport(by: by)
                try await addPayments(of: reader, to: &report)
                for line in try await reader.shadow(shadowQuery) { report.add(line) }
                return report
            }
            if output.isJSON {
                OutputStream.standard.line(report.json(limit: limit).line)
            } else if report.sorted.isEmpty {
                OutputStream.notes.line("nothing was taken, and no route was in shadow mode")
            } else {
                OutputStream.standard.lines(report.lines(limit: limit))
            }
        }

        private var shadowQuery: ShadowQuery {
            ShadowQuery(
                since: since.map { RevenueReport.day(of: $0.time) },
                until: until.map { RevenueReport.day(of: $0.time) },
                route: route, keepsDays: by == .day, keepsClients: by == .client)
        }

        /// A day stands for all of it.
        private var lastMoment: UnixTime? {
            until.map { $0.time.seconds % 86_400 == 0 ? $0.time.adding(seconds: 86_399) : $0.time }
        }

        private func addPayments(
            of reader: SQLitePaymentReader, to report: inout RevenueReport
        ) async throws(LedgerError) {
            var query = PaymentQuery(limit: Self.pageSize, route: route, since: since?.time)
            while true {
                let page = try await reader.payments(query)
                for record in page {
                    if let lastMoment, record.createdAt > lastMoment { continue }
                    report.add(record)
                }
                guard page.count == query.limit, let last = page.last else { return }
                query.before = last.reference.row
            }
        }
    }
}

extension RevenueReport.Detail: ExpressibleByArgument {}
