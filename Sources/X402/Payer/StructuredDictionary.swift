/// An RFC 8941 dictionary of strings and integers, which is all that the plain form uses.
///
/// Other items and all parameters are refused.
enum StructuredDictionary {
    enum Item: Hashable {
        case string(String)
        case integer(Int64)
    }

    /// Reads a field value; of a key that occurs twice the last counts (RFC 8941 §4.2.2).
    static func parse(_ text: String) throws(WireError) -> [String: Item] {
        var rest = Array(text.utf8)[...]
        var members: [String: Item] = [:]
        skipSpaces(&rest)
        while true {
            let key = try key(&rest)
            guard rest.popFirst() == UInt8(ascii: "=") else { throw WireError(.syntax) }
            members[key] = try item(&rest)
            skipSpaces(&rest)
            guard let comma = rest.popFirst() else { return members }
            guard comma == UInt8(ascii: ",") else { throw WireError(.syntax) }
            skipSpaces(&rest)
        }
    }

    private static func skipSpaces(_ rest: inout ArraySlice<UInt8>) {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    /// `( lcalpha / "*" ) *( lcalpha / DIGIT / "_" / "-" / "." / "*" )`.
    private static func key(_ rest: inout ArraySlice<UInt8>) throws(WireError) -> String {
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let key = rest.prefix { byte in
            letters.contains(byte) || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "_-.*".utf8.contains(byte)
        }
        guard let first = key.first, letters.contains(first) || first == UInt8(ascii: "*") else {
            throw WireError(.syntax)
        }
        rest = rest.dropFirst(key.count)
        return String(decoding: key, as: UTF8.self)
    }

    private static func item(_ rest: inout ArraySlice<UInt8>) throws(WireError) -> Item {
        guard rest.first == UInt8(ascii: "\"") else { return try integer(&rest) }
        rest.removeFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return .string(String(decoding: text, as: UTF8.self))
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(), "\"\\".utf8.contains(escaped) else { throw WireError(.syntax) }
                text.append(escaped)
            case 0x20..<0x7F: text.append(byte)
            default: throw WireError(.syntax)
            }
        }
        throw WireError(.syntax)
    }

    /// At most 15 digits (RFC 8941 §3.3.1).
    private static func integer(_ rest: inout ArraySlice<UInt8>) throws(WireError) -> Item {
        let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: "-") }
        guard digits.count <= 16, let value = Int64(String(decoding: digits, as: UTF8.self)), abs(value) < 1 << 50
        else {
            throw WireError(.syntax)
        }
        rest = rest.dropFirst(digits.count)
        return .integer(value)
    }
}
