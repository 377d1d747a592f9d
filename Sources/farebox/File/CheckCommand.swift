import ArgumentParser
import RouteFile
import X402

/// `farebox check`: every mistake of a route file at once.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a route file and tell every mistake at once.",
        discussion: """
            Opens no ledger, binds no address and asks no network. Each mistake has the file, the line, the key, the \
            reason and the nearest valid name. Secrets that the file names must be in the environment.

              farebox check --config routes.toml

            Exit codes: 0 the file is good (there may be warnings), 1 it has mistakes.
            """)

    @OptionGroup
    var file: RouteFileOptions

    @OptionGroup
    var output: OutputOptions

    func run() throws {
        let outcome = Result { () throws(RouteFileErrors) in try file.load() }
        let report = CheckReport(outcome)
        if output.isJSON {
            OutputStream.standard.line(report.json.line)
        } else {
            for line in report.lines { OutputStream.standard.line(line) }
        }
        if !report.isGood { throw ExitStatus.failure }
    }
}

/// What `check` has to say.
struct CheckReport {
    private let mistakes: [RouteFileMistake]
    private let warnings: [RouteFileMistake]
    private let file: RouteFile?

    init(_ outcome: Result<RouteFile, RouteFileErrors>) {
        switch outcome {
        case .success(let file):
            self.file = file
            mistakes = []
            warnings = file.warnings
        case .failure(let errors):
            file = nil
            mistakes = errors.mistakes
            warnings = []
        }
    }

    var isGood: Bool { file != nil }

    var lines: [String] {
        guard let file else { return mistakes.map(\.description) + [Self.count(mistakes.count, "mistake")] }
        var lines = warnings.map { "warning: \($0)" }
        lines.append(
            "good: " + Self.count(file.routes.count, "route") + ", " + Self.count(file.upstreams.count, "upstream")
                + ", " + Self.count(file.adapters.count, "adapter"))
        if !recipients.isEmpty {
            // Two ledgers would each sell the same payment once.
            lines.append("payments go to \(recipients.joined(separator: ", ")): let no other ledger sell to the same")
        }
        return lines
    }

    var json: JSONValue {
        .members([
            "good": .bool(isGood), "mistakes": .array(mistakes.map(\.json)), "warnings": .array(warnings.map(\.json)),
            "routes": file.map { .integer($0.routes.count) }, "payTo": .array(recipients.map(JSONValue.string)),
        ])
    }

    /// Everyone whom a route pays, each once.
    private var recipients: [String] {
        var seen: [String] = []
        for offer in file?.routes.flatMap(\.requirements) ?? [] where !seen.contains(offer.payTo.description) {
            seen.append(offer.payTo.description)
        }
        return seen
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
