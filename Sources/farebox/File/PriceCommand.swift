import ArgumentParser
import EVM
import Ledger
import Pricing
import RouteFile
import Transport
import X402

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
        let question = PriceQuestion(method: method, url: url, publicURL: file.server.publicURL)
        let report = PriceReport(question: question, answer: question.answer(file), file: file)
        if output.isJSON {
            OutputStream.standard.line(report.json.line)
        } else {
            for line in report.lines { OutputStream.standard.line(line) }
        }
        if !report.isForwarded { throw ExitStatus.failure }
    }
}

/// What `price` has to say.
struct PriceReport {
    let question: PriceQuestion
    let answer: PriceQuestion.Answer
    let file: RouteFile

    /// Whether the request would reach an upstream, paid or not.
    var isForwarded: Bool {
        switch answer {
        case .route, .unmatched: true
        case .notFound, .methodNotAllowed, .refused: false
        }
    }

    var lines: [String] {
        switch answer {
        case .notFound: return ["404: no route matches \(request)"]
        case .methodNotAllowed(let allow): return ["405: the path is known, but only with \(allow)"]
        case .refused(let refusal): return ["400: \(refusal.message)"]
        case .unmatched(let upstream):
            return ["free: no route matches, and `unmatched = \"free\"` forwards to \(upstreamName(upstream))"]
        case .route(let route):
            return lines(of: route)
        }
    }

    var json: JSONValue {
        switch answer {
        case .notFound: return .members(["status": .integer(404)])
        case .methodNotAllowed(let allow): return .members(["status": .integer(405), "allow": .string(allow)])
        case .refused(let refusal):
            return .members(["status": .integer(400), "reason": .string(refusal.message.description)])
        case .unmatched(let upstream):
            return .members(["price": .string("free"), "upstream": .string(upstreamName(upstream))])
        case .route(let route):
            return .members([
                "route": .string(route.name), "line": .integer(route.line),
                "upstream": .string(upstreamName(route.upstream)), "price": .string(route.price.description),
                "settle": route.isFree ? nil : .string(route.timing.word),
                "offers": .array(route.offers.map(Self.json)),
            ])
        }
    }

    private func lines(of route: RouteSettings) -> [String] {
        var pairs = TextPairs()
        pairs.add("request", request)
        pairs.add("route", "\(route.name)  (line \(route.line))")
        pairs.add("upstream", upstreamName(route.upstream))
        pairs.add("price", route.price.description)
        guard !route.isFree else { return pairs.lines() }
        pairs.add("settles", "\(route.timing.word) forwarding")
        var table = TextTable([
            TextTable.Column(title: "AMOUNT", isRightAligned: true), TextTable.Column(title: "ASSET"),
            TextTable.Column(title: "NETWORK"), TextTable.Column(title: "PAY TO"), TextTable.Column(title: "FORMS"),
            TextTable.Column(title: "ADAPTER"),
        ])
        table.rows = route.offers.map { offer in
            let terms = offer.requirements
            return [
                "\(terms.amount) (\(AmountText.decimal(terms.amount, decimals: offer.assetDecimals)))", offer.asset,
                terms.network.name, terms.payTo.description, offer.versions.map { "v\($0)" }.joined(separator: " "),
                offer.adapter,
            ]
        }
        return pairs.lines() + [""] + table.lines
    }

    private static func json(_ offer: RouteOffer) -> JSONValue {
        .members([
            "asset": .string(offer.asset), "versions": .array(offer.versions.map { .integer($0) }),
            "adapter": .string(offer.adapter), "requirements": offer.requirements.v2JSON,
        ])
    }

    private var request: String { "\(question.method) \(question.host)\(question.target)".shown() }

    private func upstreamName(_ index: Int) -> String { file.upstreams[index].configuration.name }
}
