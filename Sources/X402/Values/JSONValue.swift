/// A JSON value off the hot path; objects keep the order of their members.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The number as written; money never passes through a binary fraction.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}

/// One name and value of a JSON object.
package struct JSONMember: Hashable, Sendable {
    package var key: String
    package var value: JSONValue

    package init(_ key: String, _ value: JSONValue) {
        self.key = key
        self.value = value
    }
}
