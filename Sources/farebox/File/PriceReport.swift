import Ledger
import Pricing
import RouteFile
import Transport
import X402

/// What `price` has to say.
struct PriceReport {
    let method: String
    let explanation: PriceExplanation
    let file: RouteFile

    /// Whether the request would reach an upstream, paid or not.
    var isForwarded: Bool {
        switch explanation.outcome {
        case .route, .unmatchedFree: true
        case .notFound, .methodNotAllowed, .refused, .unpriced, .notATarget: false
        }
    }

    /// The status of our own answer; nil where the request is forwarded or needs a payment.
    private var status: Int? {
        switch explanation.outcome {
        case .route, .unmatchedFree, .notATarget: nil
        case .notFound: 404
        case .methodNotAllowed: 405
        case .refused: 400
        case .unpriced(_, let status): status
        }
    }

    private var route: RouteSettings? {
        switch explanation.outcome {
        case .route(let index), .unpriced(let index, _): file.routes[index]
        case .unmatchedFree, .notFound, .methodNotAllowed, .refused, .notATarget: nil
        }
    }

    private var upstream: String? {
        switch explanation.outcome {
        case .route(let index): file.upstreams[file.routes[index].upstream].configuration.name
        case .unmatchedFree(let upstream): file.upstreams[upstream].configuration.name
        case .notFound, .methodNotAllowed, .refused, .unpriced, .notATarget: nil
        }
    }

    var lines: [String] {
        var pairs = TextPairs()
        pairs.add("request", explanation.forwarded.map { "\(method) \(explanation.host)\($0)".shown() })
        pairs.add("answer", status.map(String.init))
        pairs.add("upstream", upstream)
        pairs.add("price", explanation.price)
        pairs.add("rule", explanation.rule)
        if route?.isShadow == true { pairs.add("mode", "shadow: recorded, and not asked for") }
        for (index, reason) in explanation.reasons.enumerated() { pairs.add(index == 0 ? "why" : "", reason.shown()) }
        guard !explanation.offers.isEmpty else { return pairs.lines() }
        var table = TextTable([
            TextTable.Column(title: "AMOUNT", isRightAligned: true), TextTable.Column(title: "ASSET"),
            TextTable.Column(title: "NETWORK"), TextTable.Column(title: "PAY TO"), TextTable.Column(title: "FORMS"),
            TextTable.Column(title: "ADAPTER"),
        ])
        table.rows = zip(explanation.amounts, explanation.offers).map { amount, offer in
            [
                "\(amount.units) (\(amount.decimal))", amount.asset, amount.network, amount.payTo,
                Self.forms(of: offer), amount.adapter,
            ]
        }
        return pairs.lines() + [""] + table.lines
    }

    /// The versions, and the scheme where it is not the usual one.
    private static func forms(of offer: RouteOffer) -> String {
        let scheme = offer.requirements.scheme
        return (offer.versions.map { "v\($0)" } + (scheme == "exact" ? [] : [scheme])).joined(separator: " ")
    }

    var json: JSONValue {
        .members([
            "method": .string(method), "host": .string(explanation.host), "target": .text(explanation.forwarded),
            "status": status.map { .integer($0) }, "route": .text(route?.name), "line": route.map { .integer($0.line) },
            "upstream": .text(upstream), "price": .text(explanation.price), "rule": .text(explanation.rule),
            "settle": .text(route.flatMap { $0.isFree ? nil : $0.timing.word }),
            "mode": .text(route.flatMap { $0.isFree ? nil : $0.mode.rawValue }),
            "why": .array(explanation.reasons.map(JSONValue.string)),
            "offers": route.map { _ in .array(explanation.offers.map(Self.json)) },
        ])
    }

    private static func json(_ offer: RouteOffer) -> JSONValue {
        .members([
            "asset": .string(offer.asset), "versions": .array(offer.versions.map { .integer($0) }),
            "adapter": .string(offer.adapter), "requirements": offer.requirements.v2JSON,
        ])
    }
}
