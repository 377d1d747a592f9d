package import NIOCore

/// Sends requests of the rails over HTTP/1.1, with or without TLS.
package final class OutgoingClient: Sendable {
    /// A client whose connections live on the loops of `group`, which must outlive it.
    ///
    /// Fails with `invalidConfiguration` when a file of certificates cannot be read.
    package init(
        group: any EventLoopGroup,
        tls: ClientTLSConfiguration = .systemTrust,
        limits: OutgoingLimits = OutgoingLimits()
    ) throws(TransportError) {
    }

    /// Sends one request and returns the complete response, whatever its status.
    ///
    /// Cancelling the task closes the connection. An error whose `mayHaveBeenSent` is false says that the peer cannot
    /// have acted upon the request.
    package func send(_ request: OutgoingRequest) async throws(TransportError) -> OutgoingResponse {
        throw TransportError(.connectFailed)
    }

    /// Closes every connection, fails the calls under way, and refuses later ones.
    package func shutdown() async {
    }
}
