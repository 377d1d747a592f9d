/// A failure of the transport, with what the caller may conclude.
///
/// `message` is constant for each code. `detail` may carry an origin, a system error or a certificate error; never a
/// request target, a field value or a body, which can hold secrets.
package struct TransportError: Error, Hashable, Sendable {
    package let code: Code
    /// Values that belong to this failure: an origin, a system error's text.
    package let detail: String?
    /// Whether a byte of the request may have reached the peer.
    ///
    /// When false the request was certainly not acted upon, so another attempt is safe even for a payment.
    package let mayHaveBeenSent: Bool

    package init(_ code: Code, detail: String? = nil, mayHaveBeenSent: Bool = false) {
        self.code = code
        self.detail = detail
        self.mayHaveBeenSent = mayHaveBeenSent
    }

    /// What happened, in constant words.
    package var message: String { code.message }

    /// The code's name, for metric labels.
    package var shortDescription: String { code.description }

    /// The same failure of a request that had already left.
    func afterSending() -> TransportError {
        TransportError(code, detail: detail, mayHaveBeenSent: true)
    }

    /// The same failure with the origin it belongs to.
    func at(_ url: OutgoingURL) -> TransportError {
        let place = detail.map { "\(url): \($0)" } ?? "\(url)"
        return TransportError(code, detail: place, mayHaveBeenSent: mayHaveBeenSent)
    }
}

extension TransportError: CustomStringConvertible {
    package var description: String {
        detail.map { "\(code.message): \($0)" } ?? code.message
    }
}

extension TransportError {
    /// The kind of a transport failure.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case invalidRequest, invalidConfiguration, bindFailed, shutDown, cancelled
            case nameNotResolved, connectFailed, connectTimeout, tooManyConnections
            case tlsHandshakeFailed, tlsFailed, certificateExpired, certificateNotTrusted, certificateNameMismatch
            case deadlineExceeded, connectionClosed, truncated, malformedResponse, responseTooLarge
        }

        private let kind: Kind

        /// The method, a header or a limit of the request cannot be sent.
        package static let invalidRequest = Code(kind: .invalidRequest)
        /// A configuration value, such as a file of certificates, cannot be used.
        package static let invalidConfiguration = Code(kind: .invalidConfiguration)
        /// A listening address cannot be bound.
        package static let bindFailed = Code(kind: .bindFailed)
        /// The client was shut down before or during the call.
        package static let shutDown = Code(kind: .shutDown)
        /// The calling task was cancelled.
        package static let cancelled = Code(kind: .cancelled)
        /// The host name has no address.
        package static let nameNotResolved = Code(kind: .nameNotResolved)
        /// No address of the host accepted a connection.
        package static let connectFailed = Code(kind: .connectFailed)
        /// Connecting, the TLS handshake included, took too long.
        package static let connectTimeout = Code(kind: .connectTimeout)
        /// The limit of open connections is reached.
        package static let tooManyConnections = Code(kind: .tooManyConnections)
        /// The TLS handshake failed for a reason other than the certificate.
        package static let tlsHandshakeFailed = Code(kind: .tlsHandshakeFailed)
        /// The TLS session broke after its handshake.
        package static let tlsFailed = Code(kind: .tlsFailed)
        /// A certificate of the peer's chain has expired or is not valid yet.
        package static let certificateExpired = Code(kind: .certificateExpired)
        /// The peer's certificate does not lead to a trusted issuer.
        package static let certificateNotTrusted = Code(kind: .certificateNotTrusted)
        /// The peer's certificate is for another name.
        package static let certificateNameMismatch = Code(kind: .certificateNameMismatch)
        /// The whole exchange took longer than the request allows.
        package static let deadlineExceeded = Code(kind: .deadlineExceeded)
        /// The peer closed before the response was complete.
        package static let connectionClosed = Code(kind: .connectionClosed)
        /// The peer ended a TLS session without saying so, in the middle of a body.
        package static let truncated = Code(kind: .truncated)
        /// The response breaks HTTP/1.1's grammar or framing.
        package static let malformedResponse = Code(kind: .malformedResponse)
        /// The response's head or body is over its limit.
        package static let responseTooLarge = Code(kind: .responseTooLarge)

        package var description: String { kind.rawValue }

        fileprivate var message: String {
            switch kind {
            case .invalidRequest: "the request cannot be sent as it is"
            case .invalidConfiguration: "the transport configuration cannot be used"
            case .bindFailed: "the listening address cannot be bound"
            case .shutDown: "the client is shut down"
            case .cancelled: "the call was cancelled"
            case .nameNotResolved: "the host name has no address"
            case .connectFailed: "the connection was refused or failed"
            case .connectTimeout: "connecting took too long"
            case .tooManyConnections: "the limit of open connections is reached"
            case .tlsHandshakeFailed: "the TLS handshake failed"
            case .tlsFailed: "the TLS session broke"
            case .certificateExpired: "the server's certificate has expired or is not valid yet"
            case .certificateNotTrusted: "the server's certificate has no trusted issuer"
            case .certificateNameMismatch: "the server's certificate is for another name"
            case .deadlineExceeded: "the response took too long"
            case .connectionClosed: "the connection closed before the response was complete"
            case .truncated: "the response was cut off"
            case .malformedResponse: "the response is malformed"
            case .responseTooLarge: "the response is over its size limit"
            }
        }
    }
}
