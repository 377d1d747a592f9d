/// How the end of a message's body is found (RFC 9112 §6.3).
package enum BodyFraming: Sendable, Equatable {
    case none
    case length(UInt64)
    case chunked
    /// The body ends with the connection; responses only.
    case untilClose

    /// Whether not a single body byte can follow the head.
    package var isEmpty: Bool {
        switch self {
        case .none, .length(0): true
        case .length, .chunked, .untilClose: false
        }
    }
}
