import Pricing
import Proxy
import Transport

/// Who tells a price that no rule of a table names.
extension FileReader {
    /// `[routes.price.service]`.
    func service(
        _ table: Section, _ rules: [PriceRule], _ reader: inout PriceConditionReader, _ amounts: inout AmountList
    ) -> PriceSourceSettings? {
        guard let section = table.section("service", table: "routes.price.service") else { return nil }
        let url = section.require("url", ValueKind.outgoingURL)
        let key = secret(section, "api_key_env")
        if rules.last?.conditions.isEmpty == true {
            log.add(section.place, "is never asked: the last rule is for every request")
        }
        table.refuse(
            ["default", "cost"], "is never asked: the service tells the price, and its `fallback` where it fails")
        let fields = told(section, &reader)
        let draft = source(section, &amounts)
        guard let url, let fields, var common = draft else { return nil }
        common.fields = fields
        common.kind = .service(PriceServiceSettings(url: url.value, apiKey: key))
        return common.settings
    }

    /// What every source has, whoever it is.
    struct SourceDraft {
        var kind: PriceSourceSettings.Kind?
        var timeout: Duration
        var lifetime: Int64
        var maxConcurrent: Int
        var fields: [Int] = []
        var fallback: Int?

        var settings: PriceSourceSettings? {
            kind.map {
                PriceSourceSettings(
                    kind: $0, timeout: timeout, lifetime: lifetime, maxConcurrent: maxConcurrent, fields: fields,
                    fallback: fallback)
            }
        }
    }

    private func source(_ section: Section, _ amounts: inout AmountList) -> SourceDraft? {
        let timeout = section.read("timeout", ValueKind.duration)
        let lifetime = section.read("cache", Self.cacheTime)
        let maxConcurrent = section.read("max_concurrent", ValueKind.integer(1...4096))
        let fallback = section.read("fallback", ValueKind.price)
        guard let timeout, let lifetime, let maxConcurrent else { return nil }
        return SourceDraft(
            timeout: timeout.value, lifetime: lifetime.value, maxConcurrent: maxConcurrent.value,
            fallback: fallback.map { amounts.index(of: Located(value: TablePrice($0.value), place: $0.place)) })
    }

    /// The fields that a service is told; nil where one is wrong.
    private func told(_ section: Section, _ reader: inout PriceConditionReader) -> [Int]? {
        let names = section.list("fields", ValueKind.text) ?? []
        var fields: [Int] = []
        for name in names {
            guard let field = reader.field(named: name.value, name.place) else { continue }
            if fields.contains(field) { log.add(name.place, "\(name.value) is there twice") }
            fields.append(field)
        }
        return fields.count == names.count ? fields : nil
    }

    // MARK: Upstream

    /// `price_from`: the text `"header:X-Quote"` or a table.
    func priceFrom(
        _ route: Section, _ table: Section, _ rules: [PriceRule], _ pattern: RoutePattern?,
        _ amounts: inout AmountList
    ) -> PriceSourceSettings? {
        guard let node = route.node("price_from") else { return nil }
        table.refuse(
            ["default", "cost", "service"],
            "is never asked: `price_from` tells the price, and its `fallback` where it fails")
        if rules.last?.conditions.isEmpty == true {
            log.add(node.place, "is never asked: the last rule is for every request")
        }
        let section: Section
        let header: Located<String>?
        if case .string(let text) = node.value {
            guard text.hasPrefix("header:") else {
                log.add(node.place, "must be \"header:\" and a field's name, or a table")
                return nil
            }
            section = Section(absent: "routes.price_from", log: log)
            let name = DocumentNode(value: .string(String(text.dropFirst("header:".count))), place: node.place)
            header = ValueKind.fieldName(name).value(at: node.place, log)
                .map { Located(value: $0, place: node.place) }
        } else {
            guard let made = route.section("price_from", table: "routes.price_from") else { return nil }
            section = made
            header = section.require("header", ValueKind.fieldName)
        }
        let method = section.read("method", ValueKind.word(UpstreamQuote.methods.keys.sorted().map { ($0, $0) }))
        let path = quotePath(section, pattern)
        let headers = section.list("headers", Self.sentField) ?? []
        let draft = source(section, &amounts)
        guard let header, let method, let path, var common = draft else { return nil }
        common.kind = .upstream(
            UpstreamQuote(
                header: header.value.lowercased(), method: method.value, path: path.pieces,
                headers: Set(headers.map(\.value)), timeout: common.timeout, isCost: table.has("margin")))
        return common.settings
    }

    private struct QuotePath {
        /// Nil for the request's own.
        var pieces: [UpstreamQuote.Piece]?
    }

    /// `path`, in which `:name` stands for a part of the request's path; nil where it is wrong.
    private func quotePath(_ section: Section, _ pattern: RoutePattern?) -> QuotePath? {
        guard let text = section.read("path", ValueKind.text) else {
            return section.has("path") ? nil : QuotePath(pieces: nil)
        }
        let isPlain =
            text.value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !text.value.contains { "?#%".contains($0) }
        guard text.value.hasPrefix("/"), isPlain else {
            log.add(text.place, "is not a path such as \"/quote/:id\"; the query of the request goes along")
            return nil
        }
        var pieces: [UpstreamQuote.Piece] = []
        for segment in text.value.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            pieces.append(.text("/"))
            guard segment.hasPrefix(":") else {
                pieces.append(.text(String(segment)))
                continue
            }
            guard let pattern else { return QuotePath(pieces: nil) }
            let name = String(segment.dropFirst())
            let fixed = pattern.segments.prefix { if case .wildcard = $0 { false } else { true } }
            guard let place = fixed.firstIndex(where: { $0 == .parameter(name) }) else {
                log.add(text.place, "the route has no parameter :\(name) before its first wildcard")
                return nil
            }
            pieces.append(.segment(place))
        }
        return QuotePath(pieces: pieces)
    }

    /// A field of the request that goes along, in lower case.
    private static func sentField(_ node: DocumentNode) -> Reading<String> {
        switch ValueKind.fieldName(node) {
        case .value(let name):
            PricedHeader.refusal(of: name.lowercased()).map { .mistake($0) } ?? .value(name.lowercased())
        case .mistake(let reason, let suggestion): .mistake(reason, suggestion: suggestion)
        case .toldElsewhere: .toldElsewhere
        }
    }

    /// Whole seconds; a part of one counts as one.
    private static func cacheTime(_ node: DocumentNode) -> Reading<Int64> {
        // Answers that are not kept are asked for again at each request.
        if case .string("0s") = node.value { return .value(0) }
        return switch ValueKind.duration(node) {
        case .value(let time) where time > .seconds(ToldPrice.maximumSeconds): .mistake("is more than a day")
        case .value(let time):
            .value(time.components.seconds + (time.components.attoseconds > 0 ? 1 : 0))
        case .mistake(let reason, let suggestion): .mistake(reason, suggestion: suggestion)
        case .toldElsewhere: .toldElsewhere
        }
    }
}

extension ValueKind {
    static func outgoingURL(_ node: DocumentNode) -> Reading<OutgoingURL> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        return OutgoingURL(text).map { .value($0) } ?? .mistake("is not an http or https URL")
    }
}
