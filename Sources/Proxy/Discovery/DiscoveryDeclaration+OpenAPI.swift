import X402

/// What an operation of an OpenAPI document tells of how it is called.
extension DiscoveryDeclaration {
    /// The parameters of the query.
    var queryParameters: [JSONValue] {
        guard bodyType == nil else { return [] }
        var names: [String] = []
        for holder in [inputSchema?["properties"], input] {
            guard case .object(let members)? = holder else { continue }
            names += members.map(\.key).filter { !names.contains($0) }
        }
        var required: [JSONValue] = []
        if case .array(let listed)? = inputSchema?["required"] { required = listed }
        return names.map { name in
            var members = [
                JSONMember("name", .string(name)), JSONMember("in", .string("query")),
                JSONMember("required", .bool(required.contains(.string(name)))),
                JSONMember("schema", inputSchema?["properties"]?[name] ?? .object([])),
            ]
            if let example = input?[name] { members.append(JSONMember("example", example)) }
            return .object(members)
        }
    }

    /// The body, nil where the input is the query.
    var requestBody: JSONValue? {
        guard let bodyType else { return nil }
        let mimeType =
            switch bodyType {
            case .json: "application/json"
            case .form: "multipart/form-data"
            case .text: "text/plain"
            }
        var media: [JSONMember] = []
        if let inputSchema { media.append(JSONMember("schema", inputSchema)) }
        if let input { media.append(JSONMember("example", input)) }
        return .object([
            JSONMember("required", .bool(true)),
            JSONMember("content", .object([JSONMember(mimeType, .object(media))])),
        ])
    }

    /// The media type object of the answer.
    var answer: [JSONMember] {
        var media: [JSONMember] = []
        if let outputSchema { media.append(JSONMember("schema", outputSchema)) }
        if let output { media.append(JSONMember("example", output)) }
        return media
    }
}
