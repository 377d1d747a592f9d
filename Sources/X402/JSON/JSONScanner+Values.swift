extension JSONScanner {
    /// Steps over any value with every check made.
    mutating func skipValue() throws(WireError) {
        switch byte {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"):
            var object = try openObject()
            while let name = try nextName(&object) {
                try remember(name, in: object)
                try skipValue()
            }
        case UInt8(ascii: "["):
            guard try openArray() else { return }
            repeat { try skipValue() } while try nextElement()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: _ = try number()
        }
    }

    /// Any value, as a tree.
    mutating func value() throws(WireError) -> JSONValue {
        switch byte {
        case UInt8(ascii: "\""): return .string(try string().string)
        case UInt8(ascii: "{"): return .object(try members())
        case UInt8(ascii: "["):
            guard try openArray() else { return .array([]) }
            var elements: [JSONValue] = []
            repeat { elements.append(try value()) } while try nextElement()
            return .array(elements)
        case UInt8(ascii: "t"):
            try literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null")
            return .null
        default: return .number(try number().string)
        }
    }

    /// The string under the cursor; any other value is stepped over and nil.
    @inline(__always)
    mutating func stringOrSkip() throws(WireError) -> JSONText? {
        if byte == UInt8(ascii: "\"") { return try string() }
        try skipValue()
        return nil
    }

    /// The integer under the cursor; any other value is stepped over and nil.
    mutating func integerOrSkip() throws(WireError) -> Int? {
        guard isAtDigit else {
            try skipValue()
            return nil
        }
        return try number().integer
    }

    private mutating func members() throws(WireError) -> [JSONMember] {
        var members: [JSONMember] = []
        var object = try openObject()
        while let name = try nextName(&object) {
            try remember(name, in: object)
            members.append(JSONMember(name.string, try value()))
        }
        return members
    }

    /// The number under the cursor, as RFC 8259 §6 writes it.
    mutating func number() throws(WireError) -> JSONText {
        let first = cursor
        if byte == UInt8(ascii: "-") { step() }
        if byte == UInt8(ascii: "0") { step() } else { try digits() }
        if byte == UInt8(ascii: ".") {
            step()
            try digits()
        }
        if byte | 0x20 == UInt8(ascii: "e") {
            step()
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { step() }
            try digits()
        }
        return JSONText(start: first, count: cursor - first)
    }

    private mutating func digits() throws(WireError) {
        guard isAtDigit else { throw failure(.syntax) }
        while isAtDigit { step() }
    }

    private mutating func literal(_ word: StaticString) throws(WireError) {
        // The longest word has five bytes and the text's padding eight: the comparison stays inside.
        guard JSONText(start: cursor, count: word.utf8CodeUnitCount).equals(word) else { throw failure(.syntax) }
        step(word.utf8CodeUnitCount)
    }
}
