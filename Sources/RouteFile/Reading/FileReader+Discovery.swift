import Pricing
import X402

/// `[routes.discovery]`: how a route is called, for directories.
extension FileReader {
    /// Base64 makes a third more of it, and intermediaries take heads of four to eight kilobytes.
    private static let maximumBytes = 3 * 1024

    func discovery(_ route: Section, _ pattern: RoutePattern?, isFree: Bool) -> DiscoveryDeclaration? {
        guard route.has("discovery") else { return nil }
        if isFree {
            route.refuse(["discovery"], "has no meaning on a free route: it is not listed")
            return nil
        }
        guard let section = route.section("discovery", table: "routes.discovery"), let pattern,
            let method = method(section, pattern)
        else { return nil }
        let bodyType = bodyType(section, method)
        let template = pattern.template
        let declaration = DiscoveryDeclaration(
            method: method, bodyType: bodyType, input: json(section, "input"),
            inputSchema: schema(section, "input_schema", of: "input"), headers: json(section, "headers"),
            output: json(section, "output"), outputSchema: schema(section, "output_schema", of: "output"),
            pathParameters: template.variables.map(\.name),
            routeTemplate: template.variables.isEmpty ? nil : template.colonPath)
        let size = JSONValue.object([declaration.member]).encoded().count
        if size > Self.maximumBytes {
            log.add(
                section.place,
                "comes to \(size) bytes in every 402, more than \(Self.maximumBytes): heads would become too long")
        }
        return declaration
    }

    private func method(_ section: Section, _ pattern: RoutePattern) -> String? {
        if section.has("method") {
            let method = section.read("method", ValueKind.word(DiscoveryDeclaration.methods.map { ($0, $0) }))
            if let method, pattern.methods?.contains(method.value) == false {
                log.add(method.place, "is not a method of `match`")
            }
            return method?.value
        }
        let known = (pattern.methods ?? []).filter(DiscoveryDeclaration.methods.contains)
        guard known.count == 1 else {
            log.add(section.place(of: "method"), "is missing: `match` does not say which method is described")
            return nil
        }
        return known[0]
    }

    private func bodyType(_ section: Section, _ method: String) -> DiscoveryDeclaration.BodyType? {
        guard DiscoveryDeclaration.hasBody(method) else {
            if section.has("body_type") {
                log.warn(section.place(of: "body_type"), "has no meaning: the input of \(method) is its query")
            }
            return nil
        }
        let words = DiscoveryDeclaration.BodyType.allCases.map { ($0.rawValue, $0) }
        return section.read("body_type", ValueKind.word(words))?.value
    }

    /// A value written as JSON text.
    private func json(_ section: Section, _ key: String) -> JSONValue? {
        guard section.has(key), let text = section.read(key, ValueKind.text) else { return nil }
        guard let value = try? JSONValue.parse(Array(text.value.utf8)) else {
            log.add(text.place, "is not JSON, which is written as text: '{ \"city\": \"berlin\" }'")
            return nil
        }
        return value
    }

    private func schema(_ section: Section, _ key: String, of example: String) -> JSONValue? {
        guard let schema = json(section, key) else { return nil }
        if let flaw = JSONSchemaCheck.flaw(in: schema) {
            log.add(section.place(of: key), "is no JSON Schema: \(flaw)")
            return nil
        }
        guard section.has(example) else {
            log.add(section.place(of: key), "needs `\(example)`: directories want an example of it")
            return schema
        }
        if let value = json(section, example), let refusal = JSONSchemaCheck.refusal(of: value, under: schema) {
            log.add(section.place(of: example), "does not keep to `\(key)`: \(refusal)")
        }
        return schema
    }
}
