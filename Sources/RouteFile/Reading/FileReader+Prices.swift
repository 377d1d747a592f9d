import Pricing

/// The price of a route as far as it could be read.
struct PriceDraft {
    var place: Place
    /// Nil where a part of it is wrong.
    var price: RoutePrice?
    var terms = PriceTerms.none
    /// Every price that can be told beforehand, in the order of the table's amounts.
    var amounts: [Located<TablePrice>] = []
    /// Nil where no rule looks at the body.
    var maxBodyBytes: Int?
    var asksDearestForUnreadable = false
    /// Nil where the table tells every price.
    var source: PriceSourceSettings?
    /// Seconds of the windows in which what payers have paid is counted; nil where no price depends on it.
    var volumeSeconds: Int64?

    var isTable: Bool { if case .table = price { true } else { false } }
}

extension FileReader {
    /// `price`: a text or a table; nil when it is missing or no price at all.
    func price(_ section: Section, pattern: RoutePattern?) -> PriceDraft? {
        if case .table? = section.node("price")?.value {
            return section.section("price", table: "routes.price").map {
                table($0, pattern: pattern, priceFrom: section)
            }
        }
        if section.has("price_from") {
            section.refuse(["price"], "stands beside `price_from`: write rules and bounds as [routes.price]")
            return table(Section(absent: "routes.price", log: log), pattern: pattern, priceFrom: section)
        }
        guard let price = section.require("price", ValueKind.price) else { return nil }
        var draft = PriceDraft(place: price.place)
        if price.value == .free {
            draft.price = .free
        } else {
            draft.price = .fixed(price.value)
            draft.amounts = [Located(value: TablePrice(price.value), place: price.place)]
        }
        return draft
    }

    /// A table; `route` may have `price_from` beside it.
    private func table(_ section: Section, pattern: RoutePattern?, priceFrom route: Section) -> PriceDraft {
        var draft = PriceDraft(place: section.place)
        draft.terms = terms(section)
        var reader = PriceConditionReader(pattern: pattern, log: log)
        var amounts = AmountList()
        var rules: [PriceRule] = []
        let sections = section.sections("rules", table: "routes.price.rules")
        for (index, section) in sections.enumerated() {
            if let rule = rule(section, number: index + 1, &reader, &amounts) { rules.append(rule) }
        }
        checkOrder(rules, sections)
        var fallback: PriceTable.Fallback?
        if route.has("price_from") {
            draft.source = priceFrom(route, section, rules, pattern, &amounts)
            fallback = draft.source.map { _ in .source(fields: []) }
        } else if section.has("service") {
            draft.source = service(section, rules, &reader, &amounts)
            fallback = draft.source.map { .source(fields: $0.fields) }
        } else {
            fallback = self.fallback(section, rules, &amounts).map { .amount($0) }
        }
        checkMargin(section, amounts, isAsked: section.has("service") || route.has("price_from"))
        draft.amounts = amounts.all
        readBody(section, reader.fields, &draft)
        guard let fallback, rules.count == sections.count else { return draft }
        let table = PriceTable(
            fields: reader.fields, rules: rules, fallback: fallback, amounts: amounts.all.map(\.value))
        draft.volumeSeconds = volumeWindow(section, table)
        if !table.dependsOnPayer || draft.volumeSeconds != nil { draft.price = .table(table) }
        return draft
    }

    // MARK: Amounts

    private func terms(_ section: Section) -> PriceTerms {
        var terms = PriceTerms()
        terms.margin = section.read("margin", ValueKind.percentage)?.value
        terms.minimum = section.read("minimum", ValueKind.dollars)?.value
        terms.maximum = section.read("maximum", ValueKind.dollars)?.value
        if let minimum = terms.minimum, let maximum = terms.maximum, maximum < minimum {
            log.add(section.place(of: "maximum"), "is less than `minimum`")
            terms.maximum = nil
        }
        guard let node = section.node("rate") else { return terms }
        guard case .table(let members) = node.value else {
            log.add(node.place, "must be a table such as { \"weth@base\" = \"$3100.50\" }, not \(node.kind)")
            return terms
        }
        for (asset, member) in members {
            terms.rates[asset] = ValueKind.dollars(member).value(at: member.place, log)
        }
        return terms
    }

    /// `price`, or `cost`, of a table or a rule.
    private func amount(_ section: Section, _ key: String) -> Located<TablePrice>? {
        if section.has(key), section.has("cost") {
            log.add(section.place(of: "cost"), "stands beside `\(key)`: which of them is asked?")
            return nil
        }
        if let price = section.read(key, ValueKind.price) {
            return Located(value: TablePrice(price.value), place: price.place)
        }
        guard let cost = section.read("cost", ValueKind.price) else { return nil }
        return Located(value: TablePrice(cost.value, isCost: true), place: cost.place)
    }

    private func fallback(_ section: Section, _ rules: [PriceRule], _ amounts: inout AmountList) -> Int? {
        let isDecided = rules.last?.conditions.isEmpty == true
        guard let amount = amount(section, "default") else {
            // The last rule is for every request, so that nothing is left to ask.
            if isDecided, !section.has("default"), !section.has("cost") { return rules.last?.amount }
            if !section.has("default"), !section.has("cost") {
                log.add(section.place(of: "default"), "is missing: what costs a request that no rule names?")
            }
            return nil
        }
        if isDecided { log.add(amount.place, "is never asked: the last rule is for every request") }
        return amounts.index(of: amount)
    }

    private func checkMargin(_ section: Section, _ amounts: AmountList, isAsked: Bool) {
        let hasCost = amounts.all.contains { $0.value.isCost }
        if section.has("margin"), !hasCost, !isAsked {
            log.add(section.place(of: "margin"), "has no meaning without a `cost`")
        }
        if hasCost, !section.has("margin") {
            log.add(section.place(of: "margin"), "is missing: what comes on top of the cost? \"0%\" for nothing")
        }
    }

    // MARK: Rules

    private func rule(
        _ section: Section, number: Int, _ reader: inout PriceConditionReader, _ amounts: inout AmountList
    ) -> PriceRule? {
        let name = section.has("name") ? section.read("name", ValueKind.name)?.value : "rule-\(number)"
        let conditions = section.node("when").map { reader.conditions($0) } ?? []
        if !section.has("price"), !section.has("cost") {
            log.add(section.place(of: "price"), "is missing: what does a request cost that the rule is for?")
        }
        guard let name, let conditions, let amount = amount(section, "price") else { return nil }
        return PriceRule(name: name, conditions: conditions, amount: amounts.index(of: amount))
    }

    /// A rule that no request comes to, since one before it takes them all.
    private func checkOrder(_ rules: [PriceRule], _ sections: [Section]) {
        guard rules.count == sections.count else { return }
        for (index, rule) in rules.enumerated() {
            let place = sections[index].place
            for (other, earlier) in rules[..<index].enumerated() {
                if earlier.name == rule.name {
                    log.add(
                        sections[index].place(of: "name"),
                        "there is another rule \"\(rule.name)\" in line \(sections[other].place.line)")
                }
                guard Set(earlier.conditions).isSubset(of: Set(rule.conditions)) else { continue }
                log.add(
                    place,
                    "is never reached: the rule in line \(sections[other].place.line) takes all that it is for")
                break
            }
        }
    }

    // MARK: Body

    private func readBody(_ section: Section, _ fields: [PriceField], _ draft: inout PriceDraft) {
        let maxBytes = section.read("max_body_bytes", Self.bodySize)
        let unreadable = section.read(
            "on_unreadable_body", ValueKind.word([("refuse", false), ("dearest", true)]))
        guard fields.contains(where: \.isInBody) else {
            return section.refuse(
                ["max_body_bytes", "on_unreadable_body"], "has no meaning: no rule looks at the body")
        }
        if draft.source != nil, let unreadable, unreadable.value {
            log.add(unreadable.place, "\"dearest\" needs prices that are all in the file")
        }
        draft.maxBodyBytes = maxBytes?.value
        draft.asksDearestForUnreadable = unreadable?.value == true
    }

    private static func bodySize(_ node: DocumentNode) -> Reading<Int> {
        switch ValueKind.size(node) {
        case .value(let size) where size > 16 << 20: .mistake("is more than 16MiB: so much is kept for each request")
        case let reading: reading
        }
    }
}

/// The prices of a table, each once.
struct AmountList {
    private(set) var all: [Located<TablePrice>] = []

    mutating func index(of amount: Located<TablePrice>) -> Int {
        if let known = all.firstIndex(where: { $0.value == amount.value }) { return known }
        all.append(amount)
        return all.count - 1
    }
}

extension ValueKind {
    /// `"25%"`.
    static func percentage(_ node: DocumentNode) -> Reading<Percentage> {
        guard case .string(let text) = node.value else {
            return .mistake("must be a percentage such as \"25%\", not \(node.kind)")
        }
        guard let percentage = Percentage(text) else {
            return .mistake("is not a percentage such as \"25%\" or \"12.5%\"")
        }
        return .value(percentage)
    }
}
