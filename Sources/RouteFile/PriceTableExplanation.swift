package import Pricing
package import Primitives

/// What a request brings beside method and target, as far as its price may depend on it.
package struct PricedContent: Sendable {
    package var fields: [(name: String, value: String)]
    /// Nil for a request without one.
    package var body: [UInt8]?
    package var now: UnixTime
    /// What its payer has paid.
    package var paid: PayerVolume

    package init(
        fields: [(name: String, value: String)] = [], body: [UInt8]? = nil, now: UnixTime = UnixTime(0),
        paid: PayerVolume = .none
    ) {
        self.paid = paid
        self.fields = fields
        self.body = body
        self.now = now
    }

    /// A body is taken for JSON unless a field says what it is.
    var lines: [(name: String, value: String)] {
        let hasType = fields.contains { $0.name.lowercased() == "content-type" }
        return body == nil || hasType ? fields : fields + [("content-type", "application/json")]
    }
}

/// A request that is explained, in its canonical form.
struct PricedRequest {
    var method: String
    var target: String
    var doubts: TargetDoubts
    var content: PricedContent
}

/// What a price table makes of one request, rule by rule.
struct PriceTableExplanation {
    enum Result {
        case sheet(SheetSettings, rule: String?)
        /// Answered with this status.
        case refused(status: Int)
        /// Only a running paywall asks for it.
        case source
    }

    private(set) var reasons: [String] = []
    private(set) var result = Result.refused(status: 400)

    init(_ route: RouteSettings, _ table: PriceTable, _ request: PricedRequest) {
        let reader = FieldReader(table.fields, pattern: route.pattern)
        var facts = QuoteFacts(
            method: request.method, now: request.content.now,
            readings: Array(request.target.utf8).withUnsafeBytes { target in
                reader.readHead(target: target, doubts: request.doubts, eachLine: Self.lines(request.content))
            }, paid: request.content.paid)
        for rule in table.rules {
            var outcome = table.outcome(of: rule, facts)
            if outcome == .needs(.body) {
                if let refusal = Self.readBody(request.content, reader, route.bodyPrice, &facts) {
                    refuse(refusal, route)
                    return
                }
                outcome = table.outcome(of: rule, facts)
            }
            switch outcome {
            case .applies:
                reasons.append("the rule `\(rule.name)` applies" + Self.conditions(of: rule, table))
                result = .sheet(route.sheets[rule.amount], rule: rule.name)
                return
            case .passedOver(let condition):
                reasons.append(
                    "the rule `\(rule.name)` does not apply: \(table.describe(condition))"
                        + Self.found(condition, facts))
            case .needs: reasons.append("the rule `\(rule.name)` depends on what is known only to a running paywall")
            case .refused(let refusal):
                reasons.append("the rule `\(rule.name)` is in doubt: \(refusal.message)")
                return
            }
        }
        reasons.append("no rule applies")
        guard case .amount(let amount) = table.fallback else {
            explainSource(route)
            result = .source
            return
        }
        result = .sheet(route.sheets[amount], rule: nil)
    }

    private mutating func explainSource(_ route: RouteSettings) {
        guard let source = route.source else { return }
        switch source.kind {
        case .service: reasons.append("the price service is asked, by a running paywall only")
        case .upstream: reasons.append("the upstream is asked for the price, by a running paywall only")
        }
        let failing = source.fallback.map { "\(route.sheets[$0].price) is asked" } ?? "the request is answered 503"
        reasons.append("where it fails, \(failing)")
    }

    private mutating func refuse(_ refusal: BodyRefusal, _ route: RouteSettings) {
        reasons.append(refusal.message.description)
        guard let dearest = route.bodyPrice?.dearest else {
            result = .refused(status: refusal.status)
            return
        }
        reasons.append("the dearest price is asked")
        result = .sheet(dearest, rule: "dearest")
    }

    private static func conditions(of rule: PriceRule, _ table: PriceTable) -> String {
        rule.conditions.isEmpty ? "" : ": " + rule.conditions.map(table.describe).joined(separator: ", ")
    }

    private static func found(_ condition: PriceCondition, _ facts: QuoteFacts) -> String {
        switch condition {
        case .field(let index, _): ", and it is \(facts.readings[index].shown)"
        case .method: ", and it is \(facts.method)"
        case .time, .paid, .payments: ""
        }
    }

    /// Nil when the fields of the body are now among the facts.
    private static func readBody(
        _ content: PricedContent, _ reader: FieldReader, _ settings: BodyPriceSettings?, _ facts: inout QuoteFacts
    ) -> BodyRefusal? {
        facts.isBodyRead = true
        guard let body = content.body else { return nil }
        let refusal = BodyRefusal.judge(
            contentType: HeaderField.read("content-type", eachLine: lines(content)),
            contentEncoding: HeaderField.read("content-encoding", eachLine: lines(content)))
        if let refusal { return refusal }
        var scanner = reader.bodyScanner()
        let limit = settings?.maxBytes ?? 0
        Array(body.prefix(limit)).withUnsafeBytes { scanner.scan($0) }
        if body.count <= limit { scanner.finish() }
        if let failure = scanner.failure { return failure.refusal }
        if body.count > limit, !scanner.isSettled { return .tooLong }
        reader.place(scanner, into: &facts.readings)
        return nil
    }

    private static func lines(_ content: PricedContent) -> ((FieldReader.Line) -> Void) -> Void {
        { take in
            for (name, value) in content.lines {
                Array(name.utf8).withUnsafeBytes { name in
                    Array(value.utf8).withUnsafeBytes { take((name, $0)) }
                }
            }
        }
    }
}
