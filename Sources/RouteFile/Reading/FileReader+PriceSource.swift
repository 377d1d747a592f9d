import Pricing
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
        let common = source(section, "fields", &reader, &amounts)
        guard let url, var common else { return nil }
        common.kind = .service(PriceServiceSettings(url: url.value, apiKey: key))
        return common.settings
    }

    /// What every source has, whoever it is.
    struct SourceDraft {
        var kind: PriceSourceSettings.Kind?
        var timeout: Duration
        var lifetime: Int64
        var maxConcurrent: Int
        var fields: [Int]
        var fallback: Int?

        var settings: PriceSourceSettings? {
            kind.map {
                PriceSourceSettings(
                    kind: $0, timeout: timeout, lifetime: lifetime, maxConcurrent: maxConcurrent, fields: fields,
                    fallback: fallback)
            }
        }
    }

    func source(
        _ section: Section, _ told: String, _ reader: inout PriceConditionReader, _ amounts: inout AmountList
    ) -> SourceDraft? {
        let timeout = section.read("timeout", ValueKind.duration)
        let lifetime = section.read("cache", Self.cacheTime)
        let maxConcurrent = section.read("max_concurrent", ValueKind.integer(1...4096))
        let names = section.list(told, ValueKind.text) ?? []
        var fields: [Int] = []
        for name in names {
            guard let field = reader.field(named: name.value, name.place) else { continue }
            if fields.contains(field) { log.add(name.place, "\(name.value) is there twice") }
            fields.append(field)
        }
        let fallback = section.read("fallback", ValueKind.price)
        guard let timeout, let lifetime, let maxConcurrent, fields.count == names.count else { return nil }
        return SourceDraft(
            timeout: timeout.value, lifetime: lifetime.value, maxConcurrent: maxConcurrent.value, fields: fields,
            fallback: fallback.map { amounts.index(of: Located(value: TablePrice($0.value), place: $0.place)) })
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
