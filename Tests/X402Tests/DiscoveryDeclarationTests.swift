import Testing
import X402

@Suite("How resources are called, for directories")
struct DiscoveryDeclarationTests {
    static func json(_ text: String) throws -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

    static func declarations() throws -> [DiscoveryDeclaration] {
        let schema = try json(#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#)
        let input = try json(#"{"city":"berlin"}"#)
        let output = try json(#"{"temperature":21.5}"#)
        return [
            DiscoveryDeclaration(method: "GET"),
            DiscoveryDeclaration(method: "GET", input: input, inputSchema: schema, output: output),
            DiscoveryDeclaration(
                method: "DELETE", input: input, headers: try json(#"{"x-tier":"gold"}"#), pathParameters: ["id"],
                routeTemplate: "/users/:id"),
            DiscoveryDeclaration(method: "POST", bodyType: .json, input: input, inputSchema: schema, output: output),
            DiscoveryDeclaration(
                method: "PUT", bodyType: .text, input: .string("text"), output: .array([.null]),
                outputSchema: try json(#"{"type":"array"}"#)),
            DiscoveryDeclaration(method: "PATCH", bodyType: .form),
        ]
    }

    @Test("keep to the schema that goes with them")
    func consistency() throws {
        for declaration in try Self.declarations() {
            let bazaar = declaration.member.value
            let schema = try #require(bazaar["schema"])
            #expect(JSONSchemaCheck.flaw(in: schema) == nil)
            #expect(JSONSchemaCheck.refusal(of: bazaar["info"] ?? .null, under: schema) == nil, "\(declaration)")
            #expect(bazaar["info"]?["input"]?["method"] == .string(declaration.method))
            #expect(declaration.version1["input"]?["discoverable"] == .bool(true))
        }
    }

    @Test("say the same in version 1's form")
    func version1() throws {
        let declarations = try Self.declarations()
        #expect(declarations[1].version1["input"]?["queryParams"]?["city"] == .string("berlin"))
        #expect(declarations[1].version1["output"]?["temperature"] == .number("21.5"))
        #expect(declarations[3].version1["input"]?["bodyFields"]?["city"] == .string("berlin"))
        #expect(declarations[2].member.value["routeTemplate"] == .string("/users/:id"))
    }

    @Test(
        "are checked against their schema",
        arguments: [
            (#"{"type":"object"}"#, #"{"a":1}"#, true), (#"{"type":"object"}"#, "[]", false),
            (#"{"type":["string","null"]}"#, "null", true), (#"{"type":"integer"}"#, "1.5", false),
            (#"{"type":"integer"}"#, "-3", true), (#"{"enum":["a","b"]}"#, #""c""#, false),
            (#"{"const":1}"#, "1", true),
            (#"{"required":["a"]}"#, "{}", false), (#"{"required":["a"]}"#, #"{"a":null}"#, true),
            (#"{"properties":{"a":{"type":"string"}}}"#, #"{"a":1}"#, false),
            (#"{"properties":{"a":{}},"additionalProperties":false}"#, #"{"b":1}"#, false),
            (#"{"additionalProperties":{"type":"number"}}"#, #"{"b":"1"}"#, false),
            (#"{"items":{"type":"number"}}"#, "[1,\"2\"]", false), (#"{"minimum":5}"#, "1", true), ("true", "1", true),
        ])
    func checks(schema: String, value: String, isGood: Bool) throws {
        let schema = try Self.json(#"{"x":\#(schema)}"#)["x"] ?? .null
        let value = try Self.json(#"{"x":\#(value)}"#)["x"] ?? .null
        #expect(JSONSchemaCheck.flaw(in: schema) == nil)
        #expect((JSONSchemaCheck.refusal(of: value, under: schema) == nil) == isGood)
    }

    @Test(
        "refuse what is no schema, and one that would be fetched from elsewhere",
        arguments: [
            "1", "[]", #"{"type":"text"}"#, #"{"type":[1]}"#, #"{"properties":[]}"#, #"{"required":"a"}"#,
            #"{"properties":{"a":{"items":{"$ref":"https://example.com/s"}}}}"#, #"{"$id":"file:///etc/passwd"}"#,
            #"{"anyOf":[{"$ref":"http://10.0.0.1/"}]}"#, #"{"properties":{"a":1}}"#,
        ])
    func flaws(schema: String) throws {
        let schema = try Self.json(#"{"x":\#(schema)}"#)["x"] ?? .null
        #expect(JSONSchemaCheck.flaw(in: schema) != nil)
    }
}
