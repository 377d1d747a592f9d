/// What is spoken to a server (`protocol`).
package enum UpstreamProtocol: String, Hashable, Sendable, CaseIterable {
    case http1
    /// HTTP/2 and nothing else: over TLS by ALPN, in the clear with prior knowledge (RFC 9113 §3.3).
    case http2 = "h2"
    /// Over TLS what the server chooses, in the clear HTTP/1.1.
    case auto

    /// What is offered by ALPN, the best first.
    var offer: [ApplicationProtocol] {
        switch self {
        case .http1: [.http1]
        case .http2: [.http2]
        case .auto: [.http2, .http1]
        }
    }

    /// What is spoken before a server has said anything; nil where that must be awaited.
    func known(isSecure: Bool) -> ApplicationProtocol? {
        switch self {
        case .http1: .http1
        case .http2: .http2
        case .auto: isSecure ? nil : .http1
        }
    }
}
