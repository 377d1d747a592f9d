extension JSONValue {
    /// The member's string; missing, null and other types throw.
    func requiredString(_ key: String) throws(WireError) -> String {
        guard let text = try optionalString(key) else { throw WireError(.missingField) }
        return text
    }

    /// The member's string, nil when it is missing or null; other types throw.
    func optionalString(_ key: String) throws(WireError) -> String? {
        switch self[key] {
        case nil, .null: nil
        case .string(let text): text
        default: throw WireError(.wrongType)
        }
    }

    /// The member's truth value; anything else throws.
    func requiredBool(_ key: String) throws(WireError) -> Bool {
        guard let value = self[key] else { throw WireError(.missingField) }
        guard case .bool(let flag) = value else { throw WireError(.wrongType) }
        return flag
    }

    /// The member's integer; anything else throws.
    func requiredInteger(_ key: String) throws(WireError) -> Int {
        guard let value = self[key] else { throw WireError(.missingField) }
        guard case .number(let digits) = value, let integer = Int(digits) else { throw WireError(.wrongType) }
        return integer
    }

    /// The member's elements, none when it is missing or null; other types throw.
    func optionalArray(_ key: String) throws(WireError) -> [JSONValue] {
        switch self[key] {
        case nil, .null: []
        case .array(let elements): elements
        default: throw WireError(.wrongType)
        }
    }

    /// The member's members, none when it is missing or null; other types throw.
    func optionalObject(_ key: String) throws(WireError) -> [JSONMember] {
        switch self[key] {
        case nil, .null: []
        case .object(let members): members
        default: throw WireError(.wrongType)
        }
    }
}
