import Pricing
import X402

/// An OpenAPI 3.1 document of priced routes, under one origin.
struct OpenAPIDocument {
    private struct Path {
        var text: String
        var variables: [RoutePattern.Template.Variable]
        /// The place in the file of its first route.
        var order: Int
        var operations: [JSONMember] = []
    }

    private var paths: [Path] = []
    private var indices: [String: Int] = [:]
    private var operationIDs: Set<String> = []
    let origin: String

    init(_ routes: [ListedRoute], origin: String) {
        self.origin = origin
        // What is more specific has a path's operation first: a host, then methods.
        let ranked = routes.enumerated().sorted { one, other in
            let (left, right) = (Self.rank(one.element), Self.rank(other.element))
            return left == right ? one.offset < other.offset : left > right
        }
        for (order, route) in ranked { add(route, order) }
        paths.sort { $0.order < $1.order }
    }

    private static func rank(_ route: ListedRoute) -> Int {
        (route.pattern.host == nil ? 0 : 2) + (route.pattern.methods == nil ? 0 : 1)
    }

    private mutating func add(_ route: ListedRoute, _ order: Int) {
        let template = route.pattern.template
        let index = indices[template.shape] ?? paths.count
        if index == paths.count {
            indices[template.shape] = index
            paths.append(Path(text: template.path, variables: template.variables, order: order))
        }
        paths[index].order = min(paths[index].order, order)
        for method in route.operations where !paths[index].operations.contains(where: { $0.key == method }) {
            let operation = operation(method, route, paths[index])
            paths[index].operations.append(JSONMember(method, operation))
        }
    }

    private mutating func operation(_ method: String, _ route: ListedRoute, _ path: Path) -> JSONValue {
        var members: [JSONMember] = [JSONMember("operationId", .string(operationID(method, path.text)))]
        if !route.description.isEmpty { members.append(JSONMember("summary", .string(route.description))) }
        let described = route.declaration.flatMap { $0.method.lowercased() == method ? $0 : nil }
        let parameters = path.variables.map(Self.parameter) + (described?.queryParameters ?? [])
        if !parameters.isEmpty { members.append(JSONMember("parameters", .array(parameters))) }
        if let body = described?.requestBody { members.append(JSONMember("requestBody", body)) }
        members.append(JSONMember("responses", Self.responses(route, described)))
        members.append(JSONMember("security", .array([.object([JSONMember("x402", .array([]))])])))
        members.append(JSONMember("x-payment-info", route.paymentInfo))
        members.append(JSONMember("x-farebox-match", .string(route.pattern.withoutHost)))
        return .object(members)
    }

    private mutating func operationID(_ method: String, _ path: String) -> String {
        let words = path.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        let name = ([method] + words.map(String.init)).joined(separator: "_")
        var id = name
        var number = 2
        while !operationIDs.insert(id).inserted {
            id = "\(name)_\(number)"
            number += 1
        }
        return id
    }

    private static func parameter(_ variable: RoutePattern.Template.Variable) -> JSONValue {
        var members = [
            JSONMember("name", .string(variable.name)), JSONMember("in", .string("path")),
            JSONMember("required", .bool(true)),
        ]
        if variable.isWildcard {
            members.append(JSONMember("description", .string("One or more segments of the path.")))
        }
        members.append(JSONMember("schema", .object([JSONMember("type", .string("string"))])))
        return .object(members)
    }

    private static func responses(_ route: ListedRoute, _ described: DiscoveryDeclaration?) -> JSONValue {
        let isJSON = route.mimeType.isEmpty && described?.output != nil
        let mimeType = route.mimeType.isEmpty ? (isJSON ? "application/json" : "*/*") : route.mimeType
        return .object([
            JSONMember(
                "2XX",
                .object([
                    JSONMember("description", .string("What was paid for.")),
                    JSONMember("headers", headers([("PAYMENT-RESPONSE", "The receipt: base64 of JSON.")])),
                    JSONMember("content", .object([JSONMember(mimeType, .object(described?.answer ?? []))])),
                ])),
            JSONMember("402", .object([JSONMember("$ref", .string("#/components/responses/PaymentRequired"))])),
        ])
    }

    private static func headers(_ all: [(String, String)]) -> JSONValue {
        .object(
            all.map { name, text in
                JSONMember(
                    name,
                    .object([
                        JSONMember("description", .string(text)),
                        JSONMember("schema", .object([JSONMember("type", .string("string"))])),
                    ]))
            })
    }

    var json: JSONValue {
        .object([
            JSONMember("openapi", .string("3.1.0")),
            JSONMember(
                "info",
                .object([
                    JSONMember("title", .string("Priced routes of \(origin)")), JSONMember("version", .string("1")),
                    JSONMember(
                        "description",
                        .string(
                            "Requests are paid for one by one with x402: ask, read the 402, sign one of its offers, "
                                + "ask again with the payment.")),
                ])),
            JSONMember("servers", .array([.object([JSONMember("url", .string(origin))])])),
            JSONMember(
                "paths", .object(paths.map { JSONMember($0.text, .object($0.operations)) })),
            JSONMember("components", Self.components),
        ])
    }

    private static let components = JSONValue.object([
        JSONMember(
            "securitySchemes",
            .object([
                JSONMember(
                    "x402",
                    .object([
                        JSONMember("type", .string("apiKey")), JSONMember("in", .string("header")),
                        JSONMember("name", .string("PAYMENT-SIGNATURE")),
                        JSONMember("description", .string("A payment of x402: base64 of JSON.")),
                    ]))
            ])),
        JSONMember(
            "responses",
            .object([
                JSONMember(
                    "PaymentRequired",
                    .object([
                        JSONMember("description", .string("The price, and every way to pay it.")),
                        JSONMember(
                            "headers", headers([("PAYMENT-REQUIRED", "The offers of x402 version 2: base64 of JSON.")])
                        ),
                        JSONMember("content", .object([JSONMember("application/json", .object([]))])),
                    ]))
            ])),
    ])
}

extension RoutePattern {
    /// The text of the pattern without its host.
    fileprivate var withoutHost: String {
        guard let host, let range = description.firstRange(of: host + "/") else { return description }
        return description.replacingCharacters(in: range, with: "/")
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
