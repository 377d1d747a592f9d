/// Checks a value against a JSON Schema, as far as what descriptions of APIs use goes.
///
/// Keywords that it does not know pass, as in JSON Schema itself. References to other documents are refused: a directory would
/// fetch them.
package enum JSONSchemaCheck {
    private static let types = ["null", "boolean", "object", "array", "number", "string", "integer"]

    /// What is wrong with the schema itself; nil where nothing is.
    package static func flaw(in schema: JSONValue, at path: String = "") -> String? {
        guard case .object(let members) = schema else {
            if case .bool = schema { return nil }
            return "\(path.isEmpty ? "the schema" : path) is no schema: write an object"
        }
        for member in members {
            switch (member.key, member.value) {
            case ("$ref", .string(let text)), ("$id", .string(let text)), ("$dynamicRef", .string(let text)):
                if !text.hasPrefix("#") { return "\(path)\(member.key) refers to another document" }
            case ("type", let value):
                let named = value.elements ?? [value]
                for name in named where !types.contains(name.string ?? "") {
                    return "\(path)type is none that JSON has"
                }
            case ("properties", .object(let properties)), ("$defs", .object(let properties)):
                for property in properties {
                    if let flaw = flaw(in: property.value, at: "\(path)\(property.key).") { return flaw }
                }
            case ("properties", _): return "\(path)properties is no object"
            case ("required", let value):
                guard let names = value.elements, names.allSatisfy({ $0.string != nil }) else {
                    return "\(path)required is no list of names"
                }
            case ("items", let value), ("additionalProperties", let value):
                if let flaw = flaw(in: value, at: "\(path)\(member.key).") { return flaw }
            default:
                if refersElsewhere(member.value) { return "\(path)\(member.key) refers to another document" }
            }
        }
        return nil
    }

    /// Whether any value inside refers to another document, in whatever keyword.
    private static func refersElsewhere(_ value: JSONValue) -> Bool {
        switch value {
        case .array(let elements): elements.contains(where: refersElsewhere)
        case .object(let members):
            members.contains { member in
                let isReference = ["$ref", "$id", "$dynamicRef"].contains(member.key)
                return isReference && member.value.string?.hasPrefix("#") == false || refersElsewhere(member.value)
            }
        default: false
        }
    }

    /// Why a value does not keep to a schema without flaws; nil where it does.
    package static func refusal(of value: JSONValue, under schema: JSONValue, at path: String = "") -> String? {
        if schema == .bool(false) { return "\(name(path)) is not allowed" }
        guard case .object = schema else { return nil }
        if let type = schema["type"], !(type.elements ?? [type]).contains(where: { isOf($0.string ?? "", value) }) {
            return "\(name(path)) is not of the schema's type"
        }
        if let constant = schema["const"], constant != value { return "\(name(path)) is not the schema's constant" }
        if let choices = schema["enum"]?.elements, !choices.contains(value) {
            return "\(name(path)) is none of the schema's values"
        }
        if case .object(let members) = value {
            if let missing = schema["required"]?.elements?.first(where: { value[$0.string ?? ""] == nil }) {
                return "\(name(path + (missing.string ?? ""))) is missing"
            }
            for member in members {
                let known = schema["properties"]?[member.key] ?? schema["additionalProperties"] ?? .bool(true)
                if let refusal = refusal(of: member.value, under: known, at: "\(path)\(member.key).") { return refusal }
            }
        }
        if let elements = value.elements, let items = schema["items"] {
            for (index, element) in elements.enumerated() {
                if let refusal = refusal(of: element, under: items, at: "\(path)\(index).") { return refusal }
            }
        }
        return nil
    }

    private static func name(_ path: String) -> String {
        path.isEmpty ? "the example" : path.hasSuffix(".") ? String(path.dropLast()) : path
    }

    private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("object", .object), ("array", .array), ("number", .number),
            ("string", .string):
            true
        case ("integer", .number(let digits)): digits.utf8.allSatisfy { $0 &- 0x30 < 10 || $0 == UInt8(ascii: "-") }
        default: false
        }
    }
}

extension JSONValue {
    fileprivate var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}
