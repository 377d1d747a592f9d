import ArgumentParser
import Ledger
import LedgerSQLite
import Primitives
import X402

extension LedgerCommand {
    /// Checks the journal.
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the books: nothing changed, sums zero, states and journal agree.",
            discussion: """
                Reads the whole journal: each entry is bound to all before it by a hash, debits equal credits in every \
                currency, and each payment stands where its entries say. Exit code 1 when something is wrong. Keep the \
                head that it prints: with `--head` a later run also proves that nothing up to it was cut off or replaced.

                  farebox ledger verify
                  farebox ledger verify --head 1204:0x5f0c1d7b…
                """)

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @Option(help: ArgumentHelp("The head that an earlier run printed.", valueName: "number:hash"))
        var head: String?

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            let known = try head.map(Self.chain)
            let notes = ProgressNotes()
            let audit = try await place.read { reader throws(LedgerError) in
                try await reader.audit(known: known) { progress in notes.report(progress.text) }
            }
            if output.isJSON {
                OutputStream.standard.line(audit.json.line)
            } else {
                for line in audit.lines { OutputStream.standard.line(line) }
            }
            for problem in audit.problems { OutputStream.notes.line(problem.text.shown(limit: 400)) }
            let rest = audit.problemCount - audit.problems.count
            if rest > 0 { OutputStream.notes.line("and \(rest) more") }
            if audit.problemCount > 0 { throw ExitStatus.failure }
        }

        private static func chain(_ text: String) throws -> JournalChain {
            let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
            guard parts.count == 2, let number = Int64(parts[0]), number >= 0, let hash = Bytes32(hex: parts[1]) else {
                throw ValidationError("--head is NUMBER:HASH, as an earlier run printed it")
            }
            return JournalChain(number: number, hash: hash)
        }
    }
}

extension SQLitePaymentReader.AuditProgress {
    fileprivate var text: String {
        switch stage {
        case .chain: "\(done) of \(total) entries"
        case .payments: "\(done) of about \(total) payments"
        }
    }
}

extension JournalAudit {
    /// The audit for programs.
    var json: JSONValue {
        .members([
            "sound": .bool(problemCount == 0), "entries": .integer(entries), "payments": .integer(payments),
            "olderPayments": .integer(olderPayments), "head": .string(headText),
            "problemCount": .integer(problemCount), "problems": .array(problems.map { .string($0.text) }),
            "accounts": .array(
                balance.lines.map { line in
                    .members([
                        "network": .string(line.currency.network.name),
                        "asset": .text(line.currency.asset?.description),
                        "account": .string(line.account.word), "debit": .text(line.debit?.description),
                        "credit": .text(line.credit?.description), "balance": .string(line.balance),
                    ])
                }),
        ])
    }

    /// The audit for people.
    var lines: [String] {
        var pairs = TextPairs()
        pairs.add("books", problemCount == 0 ? "sound" : "\(problemCount) problems")
        pairs.add("entries", "\(entries)")
        pairs.add("payments", "\(payments)")
        pairs.add("older payments", olderPayments == 0 ? nil : "\(olderPayments), from before the journal began")
        pairs.add("head", headText)
        guard !balance.lines.isEmpty else { return pairs.lines() }
        var table = TextTable([
            TextTable.Column(title: "NETWORK"), TextTable.Column(title: "ASSET"), TextTable.Column(title: "ACCOUNT"),
            TextTable.Column(title: "DEBIT", isRightAligned: true),
            TextTable.Column(title: "CREDIT", isRightAligned: true),
            TextTable.Column(title: "BALANCE", isRightAligned: true),
        ])
        table.rows = balance.lines.map { line in
            [
                line.currency.network.name, line.currency.asset?.description.shown() ?? "its coin", line.account.word,
                line.debit?.description ?? "beyond 256 bits", line.credit?.description ?? "beyond 256 bits",
                line.balance,
            ]
        }
        return pairs.lines() + [""] + table.lines
    }

    private var headText: String { "\(head.number):\(head.hash)" }
}
