/// Which requests a route is for: methods, perhaps a host, and the shape of the path.
///
/// `"GET /x"`, `"GET,POST api.example.com/x/:id/*"`, or `"/x"` for every method. `:name` is one segment, `*` one or
/// more; a trailing `/*` also matches the bare prefix. A literal may be percent-encoded or plain UTF-8.
package struct RoutePattern: Hashable, Sendable {
    package enum Segment: Hashable, Sendable {
        /// Decoded bytes in the spelling of the pattern.
        case literal([UInt8])
        case parameter(String)
        case wildcard
    }

    /// In the order of the text; nil for every method.
    package let methods: [String]?
    /// Lower-case, without a port: a route is for its host on every port.
    package let host: String?
    package let segments: [Segment]

    /// The longest method name of a pattern.
    package static let maximumMethodCount = 16

    /// Reads the text of `match`; `host` stands for a host that is given apart from it.
    package static func parse(_ text: String, host: String? = nil) throws(RoutePatternError) -> RoutePattern {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard let last = words.last, words.count <= 2 else { throw .notAPattern }
        let methods = words.count == 2 ? try RoutePatternReader.methods(words[0]) : nil
        guard let slash = last.utf8.firstIndex(of: UInt8(ascii: "/")) else { throw .noPath }
        let inline = last[..<slash]
        if !inline.isEmpty, host != nil { throw .hostTwice }
        let named = inline.isEmpty ? host : String(inline)
        return RoutePattern(
            methods: methods, host: try named.map(RoutePatternReader.host(_:)),
            segments: try RoutePatternReader.segments(last[slash...]))
    }
}

extension RoutePattern: CustomStringConvertible {
    /// The text that reads as this pattern.
    package var description: String {
        let path = segments.map { segment in
            switch segment {
            case .literal(let bytes): "/" + RoutePatternReader.encoded(bytes)
            case .parameter(let name): "/:" + name
            case .wildcard: "/*"
            }
        }
        let place = (host ?? "") + (path.isEmpty ? "/" : path.joined())
        return methods.map { $0.joined(separator: ",") + " " + place } ?? place
    }
}

/// Why a text is not a route pattern.
package enum RoutePatternError: Error, Hashable, Sendable {
    /// Not `METHOD path` and not `path`.
    case notAPattern
    /// The word after the method has no slash.
    case noPath
    /// A host in the pattern and beside it.
    case hostTwice
    case badHost(String)
    /// Methods are case-sensitive tokens of at most 16 letters; the upper-case spelling is what HTTP means.
    case badMethod(String)
    case duplicateMethod(String)
    /// No canonical target has such a path, so it would never match.
    case badPath(TargetRefusal)
    case query
    case badParameterName(String)
    case duplicateParameter(String)
    /// `*` stands for whole segments only.
    case partialWildcard(String)

    /// What is wrong, for people.
    package var reason: String {
        switch self {
        case .notAPattern: "is not \"METHOD /path\" or \"/path\""
        case .noPath: "has no path; a path begins with a slash"
        case .hostTwice: "names a host, and `host` names one too"
        case .badHost(let host): "has a host that is not a plain host name: \"\(host)\""
        case .badMethod(let method): "has a method that is not an upper-case HTTP method: \"\(method)\""
        case .duplicateMethod(let method): "names the method \(method) twice"
        case .badPath(let refusal): "has a path that no request can have: \(refusal.message)"
        case .query: "has a query; routes match paths"
        case .badParameterName(let name): "has a parameter whose name is not letters, digits and _: \":\(name)\""
        case .duplicateParameter(let name): "has the parameter :\(name) twice"
        case .partialWildcard(let segment): "has a * that is not a whole segment: \"\(segment)\""
        }
    }
}
