/// The prices of one route: rules, of which the first that applies decides, and what is asked where none does.
package struct PriceTable: Hashable, Sendable {
    /// What is asked where no rule applies.
    package enum Fallback: Hashable, Sendable {
        /// Index into `amounts`.
        case amount(Int)
        /// What a price source says that is told the fields of these indices.
        case source(fields: [Int])
    }

    /// Everything that the conditions look at.
    package let fields: [PriceField]
    package let rules: [PriceRule]
    package let fallback: Fallback
    /// The constant prices, each once.
    package let amounts: [TablePrice]

    /// Indices must be those of `fields` and `amounts`.
    package init(fields: [PriceField], rules: [PriceRule], fallback: Fallback, amounts: [TablePrice]) {
        self.fields = fields
        self.rules = rules
        self.fallback = fallback
        self.amounts = amounts
    }

    /// The values of the body that conditions look at.
    package var bodyPaths: [[String]] {
        fields.compactMap { if case .body(let path) = $0 { path } else { nil } }
    }

    /// Whether the price depends on the moment of the request.
    package var dependsOnTime: Bool {
        rules.contains { $0.conditions.contains { if case .time = $0 { true } else { false } } }
    }

    /// The price of a request, or what must be known before there is one.
    ///
    /// A rule of which any condition fails is passed over, whatever is unknown or doubtful about the others.
    package func quote(for facts: QuoteFacts) -> Quote {
        for (index, rule) in rules.enumerated() {
            switch outcome(of: rule, facts) {
            case .applies: return .priced(amount: rule.amount, rule: index)
            case .passedOver: continue
            case .needs(let need): return .needs(need)
            case .refused(let refusal): return .refused(refusal)
            }
        }
        switch fallback {
        case .amount(let amount): return .priced(amount: amount, rule: nil)
        case .source(let asked): return quoteOfSource(asked, facts)
        }
    }

    /// A source is told nothing that another reader would read otherwise.
    private func quoteOfSource(_ asked: [Int], _ facts: QuoteFacts) -> Quote {
        for index in asked {
            if fields[index].isInBody, !facts.isBodyRead { return .needs(.body) }
            switch facts.readings[index] {
            case .doubtful(let doubt): return .refused(QuoteRefusal(field: fields[index], doubt: doubt))
            case .structure: return .refused(QuoteRefusal(field: fields[index], doubt: .structure))
            case .absent, .text, .number, .bool: continue
            }
        }
        return .needs(.source)
    }

    /// What one rule makes of a request.
    package enum RuleOutcome: Hashable, Sendable {
        case applies
        /// The first condition that fails.
        case passedOver(PriceCondition)
        case needs(QuoteNeed)
        case refused(QuoteRefusal)
    }

    package func outcome(of rule: PriceRule, _ facts: QuoteFacts) -> RuleOutcome {
        var need: QuoteNeed?
        var refusal: QuoteRefusal?
        for condition in rule.conditions {
            switch judge(condition, facts) {
            case .verdict(.holds): continue
            case .verdict(.fails): return .passedOver(condition)
            case .verdict(.doubtful(let doubt)):
                refusal = refusal ?? QuoteRefusal(field: field(of: condition), doubt: doubt)
            case .needs(let other): need = need ?? other
            }
        }
        if let refusal { return .refused(refusal) }
        return need.map { .needs($0) } ?? .applies
    }

    private enum Judgement {
        case verdict(Verdict)
        case needs(QuoteNeed)
    }

    private func judge(_ condition: PriceCondition, _ facts: QuoteFacts) -> Judgement {
        switch condition {
        case .method(let names): return .verdict(Self.verdict(method: facts.method, names))
        case .time(let windows): return .verdict(windows.contains { $0.contains(facts.now) } ? .holds : .fails)
        case .field(let index, let test):
            if fields[index].isInBody, !facts.isBodyRead { return .needs(.body) }
            return .verdict(test.verdict(on: facts.readings[index]))
        case .paid(let comparisons):
            guard let paid = facts.paid else { return .needs(.payer) }
            return .verdict(comparisons.allSatisfy { $0.holds(for: paid.paid) } ? .holds : .fails)
        case .payments(let comparisons):
            guard let paid = facts.paid else { return .needs(.payer) }
            return .verdict(comparisons.allSatisfy { $0.holds(for: paid.payments) } ? .holds : .fails)
        }
    }

    private func field(of condition: PriceCondition) -> PriceField? {
        if case .field(let index, _) = condition { fields[index] } else { nil }
    }

    /// Some servers run a method that they do not know as GET, or read one in lower case.
    private static func verdict(method: String, _ names: [String]) -> Verdict {
        if names.contains(method) || method == "HEAD" && names.contains("GET") { return .holds }
        return usualMethods.contains(method) ? .fails : .doubtful(.unknownMethod)
    }

    private static let usualMethods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
}

extension PriceTable {
    /// A condition as a route file spells it.
    package func describe(_ condition: PriceCondition) -> String {
        switch condition {
        case .method(let names): "method = \(names.joined(separator: ", "))"
        case .field(let index, .present): "\(fields[index]) is present"
        case .field(let index, .absent): "\(fields[index]) is absent"
        case .field(let index, let test): "\(fields[index]) = \(test)"
        case .time(let windows): "time = \(windows.map { "\"\($0)\"" }.joined(separator: ", "))"
        case .paid(let comparisons): "paid = \"\(comparisons.map(\.description).joined(separator: ", "))\""
        case .payments(let comparisons): "payments = \"\(comparisons.map(\.description).joined(separator: ", "))\""
        }
    }
}

/// What a route costs.
package enum RoutePrice: Hashable, Sendable {
    case free
    /// The same for every request.
    case fixed(Price)
    case table(PriceTable)
}
