/// A request to a facilitator, a node or a bridge.
///
/// The client adds Host, Content-Length, Connection and, where absent, User-Agent; a request that names one of the
/// framing fields itself is refused.
package struct OutgoingRequest: Sendable {
    /// The time a call may take unless the request says otherwise.
    package static let defaultTimeout: Duration = .seconds(30)
    /// The most body bytes of a response unless the request says otherwise.
    package static let defaultMaxResponseBytes = 1 << 20

    /// The method, case-sensitive.
    package var method: String
    package var url: OutgoingURL
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// The time the whole call may take: resolving, connecting, TLS, sending, receiving, a retry.
    package var timeout: Duration
    /// The most body bytes of the response, counted after chunked coding is removed.
    package var maxResponseBytes: Int
    /// Whether sending the request twice does no harm.
    ///
    /// Decides whether a request is sent again when a kept connection turns out to be dead.
    package var isIdempotent: Bool
    /// Whether a kept connection may carry it.
    ///
    /// On a connection of its own a request whose peer has gone away was certainly not sent.
    package var reusesConnection = true

    /// A request; without `isIdempotent` its method decides (RFC 9110 §9.2.2).
    package init(
        method: String = "GET",
        url: OutgoingURL,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        timeout: Duration = OutgoingRequest.defaultTimeout,
        maxResponseBytes: Int = OutgoingRequest.defaultMaxResponseBytes,
        isIdempotent: Bool? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.maxResponseBytes = maxResponseBytes
        self.isIdempotent = isIdempotent ?? ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].contains(method)
    }
}
