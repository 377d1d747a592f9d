/// A path of an OpenAPI document as a route's pattern.
struct ImportedPath {
    private(set) var pattern = ""
    private(set) var warnings: [String] = []
    private var names: Set<String> = []

    init(_ path: String) {
        var path = path[...]
        if let end = path.firstIndex(where: { $0 == "?" || $0 == "#" }) {
            warnings.append("has a query or a fragment, which no route can match: it is left out")
            path = path[..<end]
        }
        for part in path.split(separator: "/") { pattern += "/" + segment(part) }
        if pattern.isEmpty { pattern = "/" }
    }

    private mutating func segment(_ part: Substring) -> String {
        guard let open = part.firstIndex(of: "{"), let close = part[open...].firstIndex(of: "}") else {
            return Self.literal(part)
        }
        let name = parameter(part[part.index(after: open)..<close])
        if open != part.startIndex || part.index(after: close) != part.endIndex {
            warnings.append("has a segment of which only a part varies: the route is for any segment there")
        }
        return ":" + name
    }

    /// A name of letters, digits and `_`, which no other parameter has.
    private mutating func parameter(_ text: Substring) -> String {
        let allowed = text.unicodeScalars.map { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                ? Character(scalar) : "_"
        }
        var name = allowed.isEmpty ? "parameter" : String(allowed)
        while !names.insert(name).inserted { name += "_" }
        return name
    }

    /// Spelled so that a pattern takes it for itself.
    private static func literal(_ part: Substring) -> String {
        var text = ""
        for byte in part.utf8 {
            switch byte {
            case UInt8(ascii: "*"): text += "%2A"
            case UInt8(ascii: ":") where text.isEmpty: text += "%3A"
            case 0...0x20, 0x7F: text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            default: text += byte < 0x80 ? String(UnicodeScalar(byte)) : "%" + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}
