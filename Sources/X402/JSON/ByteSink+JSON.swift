extension ByteSink {
    /// The most bytes that a JSON string with this content takes, quotes included.
    static func stringBound(_ text: String) -> Int { 6 * text.utf8.count + 2 }

    /// Writes a JSON string in ASCII: other text as `\uXXXX`, in surrogate pairs where it must be.
    mutating func put(string text: String) {
        put(UInt8(ascii: "\""))
        put(escaped: text)
        put(UInt8(ascii: "\""))
    }

    /// Writes the content of a JSON string, without quotes.
    mutating func put(escaped text: String) {
        var text = text
        let isPlain = text.withUTF8 { utf8 in
            guard utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) else { return false }
            put(UnsafeRawBufferPointer(utf8))
            return true
        }
        if !isPlain { putEscaped(text.utf16) }
    }

    private mutating func putEscaped(_ units: String.UTF16View) {
        for unit in units {
            switch unit {
            case 0x22: put("\\\"")
            case 0x5C: put("\\\\")
            case 0x20..<0x7F: put(UInt8(truncatingIfNeeded: unit))
            case 0x08: put("\\b")
            case 0x09: put("\\t")
            case 0x0A: put("\\n")
            case 0x0C: put("\\f")
            case 0x0D: put("\\r")
            default:
                put("\\u")
                for shift in [12, 8, 4, 0] { put(Self.digit(UInt8(truncatingIfNeeded: unit >> UInt16(shift) & 0xF))) }
            }
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? nibble &+ UInt8(ascii: "0") : nibble &+ (UInt8(ascii: "a") &- 10)
    }

    /// Writes any value without white space.
    mutating func put(json value: JSONValue) {
        switch value {
        case .null: put("null")
        case .bool(let flag): put(flag ? "true" : "false")
        case .number(let text): put(raw: text)
        case .string(let text): put(string: text)
        case .array(let elements):
            put(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { put(UInt8(ascii: ",")) }
                put(json: element)
            }
            put(UInt8(ascii: "]"))
        case .object(let members):
            put(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { put(UInt8(ascii: ",")) }
                put(string: member.key)
                put(UInt8(ascii: ":"))
                put(json: member.value)
            }
            put(UInt8(ascii: "}"))
        }
    }
}
