import Pricing
import Proxy

/// Reads the `when` of price rules, and collects the fields that they look at.
struct PriceConditionReader {
    let log: MistakeLog
    /// The route's pattern; nil where it could not be read.
    let pattern: RoutePattern?
    private(set) var fields: [PriceField] = []

    init(pattern: RoutePattern?, log: MistakeLog) {
        self.pattern = pattern
        self.log = log
    }

    private static let places = ["header", "query", "path", "body"]
    private static let others = ["method", "time", "paid", "payments", "present", "absent"]

    /// The longest way to a field of the body, and the longest of its names.
    private static let maxDepth = 16
    private static let maxNameBytes = 64

    /// The conditions of one table; nil where one of them is wrong.
    mutating func conditions(_ node: DocumentNode) -> [PriceCondition]? {
        guard case .table(let members) = node.value else {
            log.add(
                node.place, "must be a table such as { method = \"POST\", query.size = \"> 10\" }, not \(node.kind)")
            return nil
        }
        var conditions: [PriceCondition] = []
        var isGood = true
        for (key, member) in members.sorted(by: { ($0.value.place.line, $0.key) < ($1.value.place.line, $1.key) }) {
            if let read = self.conditions(key, member) { conditions += read } else { isGood = false }
        }
        return isGood ? conditions : nil
    }

    private mutating func conditions(_ key: String, _ node: DocumentNode) -> [PriceCondition]? {
        switch key {
        case "method": return methods(node).map { [.method($0)] }
        case "time": return list(node, Self.window).map { [.time($0)] }
        case "present": return presence(node, .present)
        case "absent": return presence(node, .absent)
        case "paid": return volumes(node, .dollars).map { [.paid($0)] }
        case "payments": return volumes(node, .payments).map { [.payments($0)] }
        default: return fieldConditions(Self.path(key), node)
        }
    }

    // MARK: Fields

    /// `header.x-tier` in quotes, and the index of `messages[0]`, are ways like those of nested tables.
    private static func path(_ key: String) -> [String] {
        key.split(separator: ".", omittingEmptySubsequences: false).flatMap { part in
            part.split(separator: "[", omittingEmptySubsequences: false).enumerated().map { index, piece in
                String(index > 0 && piece.hasSuffix("]") ? piece.dropLast() : piece)
            }
        }
    }

    private mutating func fieldConditions(_ path: [String], _ node: DocumentNode) -> [PriceCondition]? {
        guard case .table(let members) = node.value else {
            guard let field = field(path, node.place), let test = test(node, field) else { return nil }
            return [.field(index(of: field), test)]
        }
        guard let first = path.first, Self.places.contains(first), !members.isEmpty else {
            return unknown(path, node.place)
        }
        var conditions: [PriceCondition] = []
        var isGood = true
        for (key, member) in members.sorted(by: { ($0.value.place.line, $0.key) < ($1.value.place.line, $1.key) }) {
            if let read = fieldConditions(path + [key], member) { conditions += read } else { isGood = false }
        }
        return isGood ? conditions : nil
    }

    private func unknown(_ path: [String], _ place: Place) -> [PriceCondition]? {
        log.add(
            place,
            "unknown condition: there are method, time, paid, payments, present, absent, header.…, query.…, path.… and body.…",
            suggestion: NearestName.of(path.first ?? "", among: Self.places + Self.others))
        return nil
    }

    private mutating func index(of field: PriceField) -> Int {
        if let known = fields.firstIndex(of: field) { return known }
        fields.append(field)
        return fields.count - 1
    }

    private func field(_ path: [String], _ place: Place) -> PriceField? {
        let names = Array(path.dropFirst())
        guard let first = path.first, Self.places.contains(first), !names.isEmpty else {
            _ = unknown(path, place)
            return nil
        }
        if first == "body" { return bodyField(names, place) }
        let name = names.joined(separator: ".")
        guard !name.isEmpty else {
            log.add(place, "names no field")
            return nil
        }
        switch first {
        case "header": return headerField(name.lowercased(), place)
        case "query": return .query(name)
        default: return pathField(name, place)
        }
    }

    private func headerField(_ name: String, _ place: Place) -> PriceField? {
        if case .mistake(let reason, _) = ValueKind.fieldName(DocumentNode(value: .string(name), place: place)) {
            log.add(place, reason)
        } else if name.contains("_") {
            log.add(
                place, "has a `_`, which many servers do not tell from `-`", suggestion: name.replacing("_", with: "-"))
        } else if let reason = PricedHeader.refusal(of: name) {
            log.add(place, reason)
        } else {
            return .header(name)
        }
        return nil
    }

    private func pathField(_ name: String, _ place: Place) -> PriceField? {
        guard let pattern else { return .path(name) }
        if PathField(name, in: pattern) != nil { return .path(name) }
        let names = pattern.segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
        if names.contains(name) {
            log.add(place, "stands between two wildcards, so that nobody can tell which part of a path it is")
        } else {
            log.add(place, "the route has no parameter :\(name)", suggestion: NearestName.of(name, among: names))
        }
        return nil
    }

    private func bodyField(_ names: [String], _ place: Place) -> PriceField? {
        if names.contains(where: { $0.isEmpty || $0.utf8.count > Self.maxNameBytes }) {
            log.add(place, "has a name that is empty or longer than \(Self.maxNameBytes) bytes")
        } else if names.count > Self.maxDepth {
            log.add(place, "leads through more than \(Self.maxDepth) names")
        } else {
            return .body(names)
        }
        return nil
    }

    /// The index of a field that is named as conditions name it.
    mutating func field(named name: String, _ place: Place) -> Int? {
        field(Self.path(name), place).map { index(of: $0) }
    }

    private mutating func presence(_ node: DocumentNode, _ test: ValueTest) -> [PriceCondition]? {
        guard let names = list(node, ValueKind.text) else { return nil }
        var conditions: [PriceCondition] = []
        for name in names {
            guard let field = field(Self.path(name), node.place) else { return nil }
            conditions.append(.field(index(of: field), test))
        }
        return conditions
    }

    // MARK: Values

    private func test(_ node: DocumentNode, _ field: PriceField) -> ValueTest? {
        guard case .array(let elements) = node.value else { return single(node, field) }
        if elements.isEmpty { log.add(node.place, "is empty: no request would meet it") }
        let tests = elements.compactMap { single($0, field) }
        return tests.count == elements.count && !tests.isEmpty ? .any(tests) : nil
    }

    private func single(_ node: DocumentNode, _ field: PriceField) -> ValueTest? {
        switch node.value {
        case .string(let text):
            do throws(ValueTestError) {
                return try ValueTest.parse(text)
            } catch {
                log.add(node.place, error.reason)
            }
        case .integer(let number): return NumberComparison(.equal, String(number)).map { .number([$0]) }
        case .bool(let value):
            if field.isInBody { return .bool(value) }
            log.add(node.place, "must be a string, not a boolean", suggestion: "\"\(value)\"")
        case .other(let kind):
            log.add(node.place, "must be a string, not a \(kind): write \"= 0.5\" or \"> 0.5\"")
        case .array, .table: log.add(node.place, "must be a string, not \(node.kind)")
        }
        return nil
    }

    private func methods(_ node: DocumentNode) -> [String]? {
        guard let names = list(node, ValueKind.text) else { return nil }
        for name in names {
            guard let methods = try? RoutePattern.parse(name + " /").methods, methods == [name] else {
                log.add(
                    node.place, "has a method that is not an upper-case HTTP method: \"\(name)\"",
                    suggestion: name == name.uppercased() ? nil : name.uppercased())
                return nil
            }
            guard let taken = pattern?.methods, !taken.contains(name), name != "HEAD" || !taken.contains("GET") else {
                continue
            }
            log.add(node.place, "the route does not take the method \(name)")
            return nil
        }
        return names
    }

    private func list<Value>(_ node: DocumentNode, _ kind: (DocumentNode) -> Reading<Value>) -> [Value]? {
        var elements = [node]
        if case .array(let array) = node.value { elements = array }
        if elements.isEmpty { log.add(node.place, "is empty: no request would meet it") }
        let values = elements.compactMap { kind($0).value(at: $0.place, log) }
        return values.count == elements.count && !values.isEmpty ? values : nil
    }

    private func volumes(_ node: DocumentNode, _ unit: VolumeComparison.Unit) -> [VolumeComparison]? {
        if case .string(let text) = node.value, let comparisons = VolumeComparison.list(text, unit) {
            return comparisons
        }
        switch unit {
        case .dollars: log.add(node.place, "must compare dollars, as in \">= $100\"")
        case .payments: log.add(node.place, "must compare a number of payments, as in \">= 1000\"")
        }
        return nil
    }

    private static func window(_ node: DocumentNode) -> Reading<TimeWindow> {
        guard case .string(let text) = node.value else { return .mistake("must be a string, not \(node.kind)") }
        guard let window = TimeWindow(text) else {
            return .mistake(
                "is not a time such as \"Mon-Fri 08:00-18:00\", \"Sat,Sun\" or \"22:00-06:00 +02:00\"; without a distance, in UTC"
            )
        }
        return .value(window)
    }
}
