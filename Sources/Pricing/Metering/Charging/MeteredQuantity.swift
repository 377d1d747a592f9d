/// Something that is counted and has a rate.
package struct MeteredQuantity: Hashable, Sendable {
    /// Where its count comes from.
    package enum Source: Hashable, Sendable {
        /// One.
        case request
        /// Of the answer's body, as the client gets it.
        case bytes
        /// From the request to the answer's end; counted in milliseconds.
        case time
        /// Sum of these slots of the report in the answer's body.
        case report(slots: Range<Int>)
        case header(name: String)
        case trailer(name: String)
    }

    /// The key in the file.
    package let name: String
    package let source: Source
    /// What is assumed where neither the request nor the answer says more; in the unit of the source, nil for no idea.
    package let assumed: UInt64?
    /// Whether the request's fields bound it.
    package let isBoundedByRequest: Bool
    /// Whether, with nothing else known, the bytes of the request's body bound it.
    package let isBoundedByBody: Bool

    /// Whether something says beforehand how much of it there can be.
    var isBounded: Bool { isBoundedByRequest || isBoundedByBody || assumed != nil }
}

/// Where the file says that a quantity is read.
package enum UsagePlace: Hashable, Sendable {
    case path(UsagePath)
    case header(String)
    case trailer(String)

    /// Reads a path, `header:NAME` or `trailer:NAME`.
    package init(_ text: String) throws(MeterError) {
        if let name = Self.field(text, behind: "header:") {
            self = .header(name)
        } else if let name = Self.field(text, behind: "trailer:") {
            self = .trailer(name)
        } else if !text.contains(":"), !text.contains(" "), let path = UsagePath(text) {
            self = .path(path)
        } else {
            throw .notASource
        }
    }

    private static func field(_ text: String, behind prefix: String) -> String? {
        guard text.hasPrefix(prefix) else { return nil }
        let name = text.dropFirst(prefix.count)
        // RFC 9110 §5.6.2: a token, less the signs that no field uses.
        let isName = name.utf8.allSatisfy { byte in
            byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") || byte &- UInt8(ascii: "0") < 10
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        return isName && !name.isEmpty && name.utf8.count <= 64 ? name.lowercased() : nil
    }
}
