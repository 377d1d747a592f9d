/// The protocol version that a message came in.
package enum HTTPVersion: Sendable {
    case http11
    case http2

    /// The name as logs write it; HTTP/1.0 counts as HTTP/1.1.
    package var name: StaticString {
        switch self {
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }
}
