/// How a resource is called and what it answers, for directories: the extension `bazaar` of version 2, `outputSchema` of version 1.
package struct DiscoveryDeclaration: Hashable, Sendable {
    /// What kind of body a request has.
    package enum BodyType: String, Hashable, Sendable, CaseIterable {
        case json
        case form = "form-data"
        case text
    }

    package var method: String
    /// Nil for methods whose input is the query.
    package var bodyType: BodyType?
    /// An example of the query's parameters or of the body.
    package var input: JSONValue?
    /// JSON Schema (2020-12) of it.
    package var inputSchema: JSONValue?
    /// An example of fields that a request has.
    package var headers: JSONValue?
    /// An example of the answer.
    package var output: JSONValue?
    package var outputSchema: JSONValue?
    /// Names of what varies in the path.
    package var pathParameters: [String]
    /// The path with them, `/users/:id`; nil where nothing varies.
    package var routeTemplate: String?

    package init(
        method: String, bodyType: BodyType? = nil, input: JSONValue? = nil, inputSchema: JSONValue? = nil,
        headers: JSONValue? = nil, output: JSONValue? = nil, outputSchema: JSONValue? = nil,
        pathParameters: [String] = [], routeTemplate: String? = nil
    ) {
        self.method = method
        self.bodyType = bodyType
        self.input = input
        self.inputSchema = inputSchema
        self.headers = headers
        self.output = output
        self.outputSchema = outputSchema
        self.pathParameters = pathParameters
        self.routeTemplate = routeTemplate
    }

    /// Methods that a directory knows.
    package static let methods = ["GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"]

    /// Whether the input of a method is its body.
    package static func hasBody(_ method: String) -> Bool { ["POST", "PUT", "PATCH"].contains(method) }

    // MARK: Version 2

    /// The member of `extensions` in a 402.
    package var member: JSONMember {
        var members = [JSONMember("info", info), JSONMember("schema", schema)]
        if let routeTemplate { members.append(JSONMember("routeTemplate", .string(routeTemplate))) }
        return JSONMember("bazaar", .object(members))
    }

    private var info: JSONValue {
        var members = [JSONMember("input", .object(Self.head(method) + inputMembers))]
        if let output {
            members.append(
                JSONMember("output", .object([JSONMember("type", .string("json")), JSONMember("example", output)])))
        }
        return .object(members)
    }

    private static func head(_ method: String) -> [JSONMember] {
        [JSONMember("type", .string("http")), JSONMember("method", .string(method))]
    }

    private var inputMembers: [JSONMember] {
        var members: [JSONMember] = []
        if let bodyType {
            members.append(JSONMember("bodyType", .string(bodyType.rawValue)))
            members.append(JSONMember("body", input ?? .object([])))
        } else if let input {
            members.append(JSONMember("queryParams", input))
        }
        if let headers { members.append(JSONMember("headers", headers)) }
        return members
    }

    private var schema: JSONValue {
        var input = [
            JSONMember("type", Self.type("string", JSONMember("const", .string("http")))),
            JSONMember("method", Self.type("string", JSONMember("enum", .array([.string(method)])))),
        ]
        var required = ["type", "method"]
        if let bodyType {
            input.append(
                JSONMember("bodyType", Self.type("string", JSONMember("enum", .array([.string(bodyType.rawValue)])))))
            input.append(JSONMember("body", inputSchema ?? .object([])))
            required += ["bodyType", "body"]
        } else if self.input != nil || inputSchema != nil {
            input.append(JSONMember("queryParams", inputSchema ?? Self.type("object")))
        }
        if headers != nil { input.append(JSONMember("headers", Self.type("object"))) }
        if !pathParameters.isEmpty {
            let names = pathParameters.map { JSONMember($0, Self.type("string")) }
            input.append(JSONMember("pathParams", Self.type("object", JSONMember("properties", .object(names)))))
        }
        var properties = [
            JSONMember(
                "input",
                Self.type(
                    "object", JSONMember("properties", .object(input)),
                    JSONMember("required", .array(required.map(JSONValue.string))),
                    JSONMember("additionalProperties", .bool(false))))
        ]
        if output != nil {
            let parts = [JSONMember("type", Self.type("string")), JSONMember("example", outputSchema ?? .object([]))]
            properties.append(
                JSONMember(
                    "output",
                    Self.type(
                        "object", JSONMember("properties", .object(parts)),
                        JSONMember("required", .array([.string("type")])))))
        }
        return .object([
            JSONMember("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            JSONMember("type", .string("object")), JSONMember("properties", .object(properties)),
            JSONMember("required", .array([.string("input")])),
        ])
    }

    private static func type(_ name: String, _ more: JSONMember...) -> JSONValue {
        .object([JSONMember("type", .string(name))] + more)
    }

    // MARK: Version 1

    /// What an entry of version 1 carries under `outputSchema`.
    package var version1: JSONValue {
        var members = Self.head(method) + [JSONMember("discoverable", .bool(true))]
        if let bodyType {
            members.append(JSONMember("bodyType", .string(bodyType.rawValue)))
            if let input { members.append(JSONMember("bodyFields", input)) }
        } else if let input {
            members.append(JSONMember("queryParams", input))
        }
        if let headers { members.append(JSONMember("headerFields", headers)) }
        var whole = [JSONMember("input", .object(members))]
        if let output { whole.append(JSONMember("output", output)) }
        return .object(whole)
    }
}
