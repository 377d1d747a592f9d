/// Why a request target is refused: each is answered with 400.
package enum TargetRefusal: String, Hashable, Sendable, CaseIterable {
    case dotSegment
    case emptySegment
    case encodedDot
    case encodedSlash
    case encodedDelimiter
    case backslash
    case nul
    case control
    case badCharacter
    case nonASCII
    case badPercent
    case brokenUTF8
    case overlongUTF8
    case doubleEncoding
    case lookalike
    case pathParameter
    case ambiguousEdge
    case ambiguousSpace
    case ambiguousSuffix
    case ambiguousCase
    case ambiguousUnicode
    case userinfo
    case fragment
    case badAuthority
    case authorityMismatch
    case notOriginForm
    case connect

    /// A constant sentence for the body of the answer.
    package var message: StaticString {
        switch self {
        case .dotSegment: "The path has a dot segment."
        case .emptySegment: "The path has an empty segment."
        case .encodedDot: "The path has a percent-encoded dot."
        case .encodedSlash: "The path has a percent-encoded slash."
        case .encodedDelimiter:
            "The path has a percent-encoded question mark or number sign that may be read as another path."
        case .backslash: "The path has a backslash."
        case .nul: "The path has a NUL byte."
        case .control: "The target has a control character."
        case .badCharacter: "The target has a character that must be percent-encoded."
        case .nonASCII: "The target has a byte beyond ASCII that is not percent-encoded."
        case .badPercent: "The path has a percent sign without two hexadecimal digits."
        case .brokenUTF8: "The path is not UTF-8 once it is percent-decoded."
        case .overlongUTF8: "The path has an overlong UTF-8 form."
        case .doubleEncoding: "The path is percent-encoded twice."
        case .lookalike: "The path has a character that some readers take for a slash, a backslash or a dot."
        case .pathParameter: "The path has a parameter after a semicolon."
        case .ambiguousEdge: "The path has a dot or a space at the edge of a segment and may be read as another path."
        case .ambiguousSpace: "The path has a plus sign that may be read as a space, and so as another path."
        case .ambiguousSuffix: "The path has a suffix without which it may be read as another path."
        case .ambiguousCase: "The path is spelled in a case that may be read as another path."
        case .ambiguousUnicode: "The path has characters that may be read as another path."
        case .userinfo: "The target has user information."
        case .fragment: "The target has a fragment."
        case .badAuthority: "The host is not valid."
        case .authorityMismatch: "The target names another host than the Host field."
        case .notOriginForm: "The target is not a path."
        case .connect: "CONNECT is not served here."
        }
    }
}
