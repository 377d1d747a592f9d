/// Why rules cannot look into a request's body.
package enum BodyRefusal: Hashable, Sendable, CaseIterable {
    case tooLong
    case compressed
    /// Its `Content-Type` does not say JSON in UTF-8: another reader may read something else.
    case otherType
    case notJSON
    case tooDeep

    package var status: Int {
        switch self {
        case .tooLong: 413
        case .compressed, .otherType: 415
        case .notJSON, .tooDeep: 400
        }
    }

    /// A constant sentence that says what to do.
    package var message: StaticString {
        switch self {
        case .tooLong: "The price depends on the body, and the body is too long to be looked at."
        case .compressed: "The price depends on the body; send it without Content-Encoding."
        case .otherType: "The price depends on the body; send JSON in UTF-8, with Content-Type: application/json."
        case .notJSON: "The price depends on the body, and the body is not JSON."
        case .tooDeep: "The price depends on the body, and its lists and objects are nested too deeply."
        }
    }

    /// What the head already says against reading the body; nil when it may be read.
    ///
    /// The media type must be JSON: a server that goes by `Content-Type` reads a form or a multipart body in bytes that are JSON too.
    package static func judge(contentType: FieldReading, contentEncoding: FieldReading) -> BodyRefusal? {
        switch contentEncoding {
        case .absent: break
        case .text(let text) where TextFold.loose(text.value) == "identity": break
        default: return .compressed
        }
        guard case .text(let text) = contentType, isJSON(text.value) else { return .otherType }
        return nil
    }

    /// `application/json`, `text/json` or a type that ends in `+json` (RFC 6839 §3.1); a charset must be UTF-8.
    private static func isJSON(_ value: String) -> Bool {
        let parts = value.split(separator: ";", omittingEmptySubsequences: false).map { TextFold.loose(String($0)) }
        guard let type = parts.first, type == "application/json" || type == "text/json" || type.hasSuffix("+json")
        else {
            return false
        }
        return parts.dropFirst().allSatisfy { parameter in
            guard parameter.hasPrefix("charset") else { return !parameter.contains("charset") }
            return ["charset=utf-8", "charset=\"utf-8\"", "charset=utf8"].contains(parameter)
        }
    }
}
