import ArgumentParser
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

            Exit codes: 0 a route matches, 1 the server would answer 400, 404 or 405.
            """)

    @Argument(help: ArgumentHelp("The method.", valueName: "method"))
    var method: String

    @Argument(help: ArgumentHelp("A URL, or a path at `server.public_url`.", valueName: "url"))
    var url: String

    @OptionGroup
    var file: RouteFileOptions

    @OptionGroup
    var output: OutputOptions

    func run() throws {
        let file = try file.loadOrFail()
        let report = PriceReport(
            method: method, explanation: file.explain(method: method, target: url), file: file)
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
}
