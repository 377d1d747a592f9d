import ArgumentParser
import Pricing
import Proxy
import RouteFile

/// `farebox price`: which route, and what it costs.
struct PriceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "price",
        abstract: "Tell which route a request would take, and what it would cost.",
        discussion: """
            Judges the request as the server would, canonical form included, without sending anything.

              farebox price --config routes.toml GET /v1/weather/berlin
              farebox price POST https://api.example.com/v1/search
              farebox price POST /v1/chat -H 'x-tier: gold' -d '{"model": "small"}'

            Of a price table it tells rule by rule why it applies or not.

            Exit codes: 0 a route matches, 1 the server would answer 400, 404, 405, 413 or 415.
            """)

    @Argument(help: ArgumentHelp("The method.", valueName: "method"))
    var method: String

    @Argument(help: ArgumentHelp("A URL, or a path at `server.public_url`.", valueName: "url"))
    var url: String

    @Option(
        name: [.customShort("H"), .customLong("header")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A header field, `Name: value`; may be repeated.", valueName: "line"))
    var headers: [String] = []

    @Option(
        name: [.customShort("d"), .customLong("data")], parsing: .unconditional,
        help: ArgumentHelp(
            "The body, taken for JSON unless a header says otherwise; `@file` reads it from a file.", valueName: "data")
    )
    var data: String?

    @Option(help: ArgumentHelp("The moment to price for, as 2026-11-21T09:05:00Z; now by default.", valueName: "time"))
    var at: TimeArgument?

    @Option(
        help: ArgumentHelp("What the payer has paid on the route, as '$150'; nothing by default.", valueName: "dollars")
    )
    var paid: String?

    @Option(help: ArgumentHelp("How often the payer has paid; never by default.", valueName: "count"))
    var payments: UInt64?

    @OptionGroup
    var file: RouteFileOptions

    @OptionGroup
    var output: OutputOptions

    func run() throws {
        let file = try file.loadOrFail()
        let content = PricedContent(
            fields: try fields(), body: try data.map(BodyArgument.read), now: at?.time ?? PaywallShared.systemTime(),
            paid: PayerVolume(paid: try dollarsPaid(), payments: payments ?? 0))
        let report = PriceReport(
            method: method, explanation: file.explain(method: method, target: url, with: content), file: file)
        if case .notATarget = report.explanation.outcome {
            throw ValidationError("`\(url.shown())` is neither a path nor an http or https URL")
        }
        if output.isJSON {
            OutputStream.standard.line(report.json.line)
        } else {
            for line in report.lines { OutputStream.standard.line(line) }
        }
        if !report.isForwarded { throw ExitStatus.failure }
    }

    private func dollarsPaid() throws -> UInt64 {
        guard let paid else { return 0 }
        guard paid.hasPrefix("$"), let units = PayerVolume.billionths(ofDollars: paid.dropFirst()) else {
            throw ValidationError("what was paid is written '$150' or '$0.5'")
        }
        return units
    }

    private func fields() throws -> [(name: String, value: String)] {
        try headers.map { line in
            guard let field = FieldArgument.read(line) else {
                throw ValidationError("a header is written `Name: value`")
            }
            return field
        }
    }
}
