package import X402
import Yams

/// Why a document cannot be imported; constant text, with values where they help.
package struct ImportFailure: Error, Hashable, Sendable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// Reads the text of an OpenAPI document, JSON or YAML.
package enum OpenAPIText {
    /// The largest document that is read.
    package static let maximumBytes = 8 << 20
    /// Most values of a document, those of YAML's aliases counted wherever they are used.
    static let maximumValues = 400_000
    /// Most values inside one another.
    static let maximumDepth = 200
    /// Most members of all objects that are open at one point.
    private static let maximumOpenMembers = 20_000

    package static func parse(_ bytes: [UInt8]) throws(ImportFailure) -> JSONValue {
        guard bytes.count <= maximumBytes else { throw ImportFailure("the document is larger than 8MiB") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ImportFailure("the document is not UTF-8")
        }
        if text.first(where: { !$0.isWhitespace && $0 != "\u{FEFF}" }) == "{" {
            let limits = JSONLimits(
                maxDepth: maximumDepth, maxBytes: maximumBytes, maxOpenMembers: maximumOpenMembers)
            if let json = try? JSONValue.parse(bytes, limits: limits) { return json }
            // What begins with a brace may be YAML's flow style all the same.
        }
        return try yaml(text)
    }

    private static func yaml(_ text: String) throws(ImportFailure) -> JSONValue {
        guard !isNestedTooDeep(text) else { throw ImportFailure("the document is nested too deep") }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ImportFailure("the document is neither JSON nor YAML" + place(of: error))
        } catch {
            throw ImportFailure("the document is neither JSON nor YAML")
        }
        guard let node else { throw ImportFailure("the document is empty") }
        var left = maximumValues
        return try value(of: node, depth: 0, &left)
    }

    private static func place(of error: YamlError) -> String {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            " (line \(mark.line), column \(mark.column))"
        default: ""
        }
    }

    /// Whether a line begins, or brackets are open, deeper than any document is; the reader of YAML would use up its stack.
    private static func isNestedTooDeep(_ text: String) -> Bool {
        var open = 0
        var lead = 0
        var isLeading = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"): (lead, isLeading) = (0, true)
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"):
                if isLeading { lead += 1 }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                isLeading = false
                open += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                isLeading = false
                open = max(0, open - 1)
            default: isLeading = false
            }
            if open > 4 * maximumDepth || lead > 2 * maximumDepth { return true }
        }
        return false
    }

    private static func value(of node: Node, depth: Int, _ left: inout Int) throws(ImportFailure) -> JSONValue {
        left -= 1
        guard left > 0 else { throw ImportFailure("the document has more than \(maximumValues) values") }
        guard depth < maximumDepth else { throw ImportFailure("the document is nested too deep") }
        switch node {
        case .scalar(let scalar): return self.scalar(scalar)
        case .sequence(let sequence):
            var elements: [JSONValue] = []
            for element in sequence { elements.append(try value(of: element, depth: depth + 1, &left)) }
            return .array(elements)
        case .mapping(let mapping):
            var members: [JSONMember] = []
            for (key, element) in mapping {
                guard let name = key.scalar?.string else {
                    throw ImportFailure("the document has a key that is no text")
                }
                members.append(JSONMember(name, try value(of: element, depth: depth + 1, &left)))
            }
            return .object(members)
        case .alias: throw ImportFailure("the document has an alias without an anchor")
        }
    }

    private static func scalar(_ scalar: Node.Scalar) -> JSONValue {
        guard scalar.style == .plain else { return .string(scalar.string) }
        switch scalar.string {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: return isDecimal(scalar.string) ? .number(scalar.string) : .string(scalar.string)
        }
    }

    private static func isDecimal(_ text: String) -> Bool {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 } }
    }
}
