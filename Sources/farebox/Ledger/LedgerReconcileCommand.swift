import ArgumentParser
import Facilitator
import Ledger
import LedgerSQLite
import NIOCore
import NIOPosix
import Primitives
import Proxy
import RouteFile
import Transport
import X402

extension LedgerCommand {
    /// Compares the ledger with the rails.
    struct Reconcile: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare every settled payment with what its rail knows.",
            discussion: """
                Asks the chain for the transaction of each settled payment, and looks in it for the token's own events. \
                What differs is listed; rails that keep nothing to compare with are counted. Reads the ledger's file beside \
                a running server and writes nothing. Exit code 1 when anything differs or could not be asked.

                  farebox ledger reconcile --config routes.toml
                """)

        @OptionGroup
        var file: RouteFileOptions

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @Option(help: ArgumentHelp("Only payments that were claimed within so many hours.", valueName: "hours"))
        var hours: Int?

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            let routes = try file.loadOrFail()
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let client = try OutgoingClient(group: group)
            let report: ReconcileReport
            do {
                report = try await compare(routes, client)
            } catch {
                await client.shutdown()
                try? await group.shutdownGracefully()
                throw error
            }
            await client.shutdown()
            try await group.shutdownGracefully()
            report.show(asJSON: output.isJSON)
            if !report.isClean { throw ExitStatus.failure }
        }

        private func compare(_ routes: RouteFile, _ client: OutgoingClient) async throws -> ReconcileReport {
            let factory = RailFactory(client: client, ledger: MemoryLedger(), now: PaywallShared.systemTime)
            let rails = Dictionary(
                try routes.adapters.map { ($0.scope.id, try factory.make($0)) }, uniquingKeysWith: { first, _ in first }
            )
            let since = hours.map { PaywallShared.systemTime().adding(seconds: -Int64($0) * 3600) }
            let notes = ProgressNotes()
            return try await place.read { reader throws(LedgerError) in
                var report = ReconcileReport()
                var query = PaymentQuery(limit: Self.pageSize, value: .settled, since: since, order: .oldestFirst)
                while true {
                    let page = try await reader.payments(query)
                    await report.add(page, rails: rails)
                    notes.report("\(report.count) payments")
                    guard page.count == query.limit, let last = page.last else { return report }
                    query.after = last.reference.row
                }
            }
        }

        private static let pageSize = 200
    }
}

/// What the comparison came to.
struct ReconcileReport: Sendable {
    struct Drift: Sendable {
        var record: PaymentRecord
        var reason: String
    }

    private(set) var agreeing = 0
    private(set) var silent = 0
    private(set) var drifts: [Drift] = []
    private(set) var unasked: [Drift] = []

    var count: Int { agreeing + silent + drifts.count + unasked.count }
    var isClean: Bool { drifts.isEmpty && unasked.isEmpty }

    /// Payments that are asked about at once.
    private static let concurrency = 8

    /// Asks about a page of payments, some at a time.
    mutating func add(_ records: [PaymentRecord], rails: [String: any Rail]) async {
        for start in stride(from: 0, to: records.count, by: Self.concurrency) {
            let group = records[start..<min(start + Self.concurrency, records.count)]
            let answers = await withTaskGroup(of: (PaymentRecord, Result<AuditVerdict, RailError>).self) { tasks in
                for record in group {
                    guard let rail = rails[record.claim.adapter] else { continue }
                    tasks.addTask {
                        do throws(RailError) {
                            return (record, .success(try await rail.audit(record)))
                        } catch {
                            return (record, .failure(error))
                        }
                    }
                }
                return await tasks.reduce(into: []) { $0.append($1) }
            }
            for (record, answer) in answers { add(record, answer) }
            for record in group where rails[record.claim.adapter] == nil {
                unasked.append(Drift(record: record, reason: "the file has no adapter `\(record.claim.adapter)`"))
            }
        }
    }

    private mutating func add(_ record: PaymentRecord, _ answer: Result<AuditVerdict, RailError>) {
        switch answer {
        case .success(.agrees): agreeing += 1
        case .success(.cannotTell): silent += 1
        case .success(.differs(let reason)): drifts.append(Drift(record: record, reason: reason))
        case .failure(let error): unasked.append(Drift(record: record, reason: error.message))
        }
    }

    func show(asJSON: Bool) {
        if asJSON {
            OutputStream.standard.line(json.line)
            return
        }
        OutputStream.standard.line(
            "\(count) settled payments: \(agreeing) agree, \(drifts.count) differ, \(unasked.count) could not be asked, "
                + "\(silent) on rails that keep nothing to compare with")
        for drift in drifts + unasked { OutputStream.standard.line(drift.text) }
    }

    private var json: JSONValue {
        .object([
            JSONMember("clean", .bool(isClean)), JSONMember("agreeing", .number(String(agreeing))),
            JSONMember("silent", .number(String(silent))), JSONMember("differing", .array(drifts.map(\.json))),
            JSONMember("unasked", .array(unasked.map(\.json))),
        ])
    }
}

extension ReconcileReport.Drift {
    fileprivate var text: String {
        "\(record.reference.identity.publicID)  \(record.transaction ?? "-")  \(reason)"
    }

    fileprivate var json: JSONValue {
        .object([
            JSONMember("payment", .string(record.reference.identity.publicID)),
            JSONMember("adapter", .string(record.claim.adapter)),
            JSONMember("transaction", .string(record.transaction ?? "")), JSONMember("reason", .string(reason)),
        ])
    }
}
