/// Why an upstream did not give a whole answer.
package enum UpstreamError: Error, Sendable, Equatable {
    case connectFailed
    case connectTimeout
    /// The server's certificate is not the one to be trusted under its name.
    case certificateRefused
    /// The server does not speak HTTP/2, which the configuration demands.
    case notHTTP2
    /// No server is available; whole seconds until one may be.
    case noServer(retryAfter: Int)
    /// More requests wait for a connection than the limit allows.
    case queueFull
    /// No connection came free in time.
    case queueTimeout
    /// The server said that it did not look at the request (RFC 9113 §8.7).
    case notProcessed
    /// The upstream closed before the first byte of the answer.
    case closedBeforeResponse
    case firstByteTimeout
    /// The answer, or the sending of the request, stood still for too long.
    case idleTimeout
    /// The connection broke in the middle of the answer.
    case brokenOff
    /// The answer breaks RFC 9112; the reason is constant.
    case malformedResponse(StaticString)
    case headTooLarge
    /// The answer is longer than `maxResponseBytes`.
    case responseTooLarge
    /// The pool was closed.
    case poolClosed

    /// A short constant text for logs and metrics.
    package var shortDescription: String {
        switch self {
        case .connectFailed: "connect failed"
        case .connectTimeout: "connect timeout"
        case .certificateRefused: "certificate not trusted"
        case .notHTTP2: "server does not speak HTTP/2"
        case .notProcessed: "refused by the server, unprocessed"
        case .noServer: "no server available"
        case .queueFull: "queue full"
        case .queueTimeout: "queue timeout"
        case .closedBeforeResponse: "closed before response"
        case .firstByteTimeout: "first byte timeout"
        case .idleTimeout: "idle timeout"
        case .brokenOff: "broken off"
        case .malformedResponse: "malformed response"
        case .headTooLarge: "response head too large"
        case .responseTooLarge: "response too large"
        case .poolClosed: "pool closed"
        }
    }

    /// Whether the failure was one of time, for which a gateway answers 504.
    package var isTimeout: Bool {
        switch self {
        case .connectTimeout, .queueTimeout, .firstByteTimeout, .idleTimeout: true
        default: false
        }
    }

    /// Whether it is certain that the upstream did not begin to act on the request.
    package var wasNeverSent: Bool {
        switch self {
        case .connectFailed, .connectTimeout, .certificateRefused, .notHTTP2, .notProcessed, .noServer, .queueFull,
            .queueTimeout, .poolClosed:
            true
        default: false
        }
    }

    /// Whether no connection could be made.
    var isOfConnecting: Bool {
        switch self {
        case .connectFailed, .connectTimeout, .certificateRefused, .notHTTP2: true
        default: false
        }
    }

    /// Whether it speaks against the server, and not only against our own bounds or one of its answers.
    ///
    /// A malformed answer comes from a server that is there; whoever finds a path with such answers must not be able to
    /// keep the others from it.
    var isOfServer: Bool {
        switch self {
        case .queueFull, .queueTimeout, .poolClosed, .noServer, .malformedResponse, .headTooLarge, .responseTooLarge:
            false
        default: true
        }
    }

    package static func == (left: UpstreamError, right: UpstreamError) -> Bool {
        if case .malformedResponse(let one) = left, case .malformedResponse(let two) = right {
            return String(describing: one) == String(describing: two)
        }
        return left.shortDescription == right.shortDescription
    }
}
