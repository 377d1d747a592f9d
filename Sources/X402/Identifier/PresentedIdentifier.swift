/// The id that a client gives to what it pays for, as its payment brings it (extension `payment-identifier`).
package enum PresentedIdentifier: Hashable, Sendable {
    case none
    /// 16 to 128 letters, digits, hyphens and underscores.
    case id(String)
    /// There, and not of that form.
    case malformed

    package static let extensionName: StaticString = "payment-identifier"
    private static let lengths = 16...128

    /// An id by its text.
    package init(_ text: String) {
        self = Self.isID(text) ? .id(text) : .malformed
    }

    private static func isID(_ text: String) -> Bool {
        lengths.contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// The extension as a 402 declares it.
    package static func declaration(isRequired: Bool) -> JSONMember {
        let id = JSONValue.object([
            JSONMember("type", .string("string")), JSONMember("minLength", .number(String(lengths.lowerBound))),
            JSONMember("maxLength", .number(String(lengths.upperBound))),
            JSONMember("pattern", .string("^[a-zA-Z0-9_-]+$")),
        ])
        let properties = JSONValue.object([
            JSONMember("required", .object([JSONMember("type", .string("boolean"))])), JSONMember("id", id),
        ])
        let needed = [JSONValue.string("required")] + (isRequired ? [.string("id")] : [])
        return JSONMember(
            extensionName.description,
            .object([
                JSONMember("info", .object([JSONMember("required", .bool(isRequired))])),
                JSONMember(
                    "schema",
                    .object([
                        JSONMember("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
                        JSONMember("type", .string("object")), JSONMember("properties", properties),
                        JSONMember("required", .array(needed)),
                    ])),
            ]))
    }
}

extension JSONScanner {
    /// Reads the `extensions` under the cursor for the id in them; the others are passed over.
    @inline(never)
    mutating func presentedIdentifier() throws(WireError) -> PresentedIdentifier {
        guard isAtObject else {
            try skipValue()
            return .none
        }
        var found = PresentedIdentifier.none
        var object = try openObject()
        while let name = try nextName(&object) {
            try remember(name, in: object)
            if name.equals(PresentedIdentifier.extensionName) {
                found = PresentedIdentifier(declared: try value())
            } else {
                try skipValue()
            }
        }
        return found
    }
}

extension PresentedIdentifier {
    /// The client's echo of what the 402 declares, with its id in `info`.
    fileprivate init(declared echo: JSONValue) {
        guard echo != .null else {
            self = .none
            return
        }
        guard case .object? = echo["info"] else {
            self = .malformed
            return
        }
        switch echo["info"]?["id"] {
        case nil, .null: self = .none
        case .string(let text): self = PresentedIdentifier(text)
        default: self = .malformed
        }
    }
}
