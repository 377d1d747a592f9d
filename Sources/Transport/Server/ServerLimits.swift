package import NIOCore

/// The bounds of a listener and of its connections.
package struct ServerLimits: Sendable {
    /// Bounds of request heads and trailer sections.
    package var head = HeadLimits()
    /// Longest request body in bytes; nil for no limit.
    package var maxBodyBytes: UInt64?
    /// Connections open at once, over all loops; one more is answered 503 and closed.
    package var maxConnections = 16_384
    /// Connections of one client open at once, over all loops; nil for no limit of its own.
    package var maxConnectionsPerClient: Int?
    /// Bits of an IPv6 address that make a client.
    package var clientPrefix = 64
    /// Who may speak for clients: in PROXY headers, and on as many connections as it likes.
    package var trustedPeers = TrustedPeers()
    /// Longest time from a connection's beginning to the end of its TLS handshake.
    package var handshakeTimeout: TimeAmount = .seconds(10)
    /// Longest time from the first byte of a head to its end.
    package var headerTimeout: TimeAmount = .seconds(10)
    /// Longest time between two requests of a connection, and before the first.
    package var idleTimeout: TimeAmount = .seconds(75)
    /// Longest time without a byte of a request body that is being read.
    package var bodyIdleTimeout: TimeAmount = .seconds(60)
    /// Longest time without a byte in either direction after a 101.
    package var tunnelIdleTimeout: TimeAmount = .hours(1)
    /// Longest time without a byte taken by a client that has an answer to read.
    package var writeTimeout: TimeAmount = .seconds(60)
    /// Longest time that a closed connection is read on, so that the client gets its last answer (RFC 9112 §9.6).
    package var lingerTimeout: TimeAmount = .seconds(5)
    /// Time for the first request of a connection that came just before a drain.
    package var drainGrace: TimeAmount = .milliseconds(500)
    /// Bytes of a body nobody wants that are read to keep the connection.
    package var maxDrainedBytes = 64 * 1024
    /// Bytes that a client may send ahead before reading pauses.
    package var maxPipelinedBytes = 64 * 1024
    /// Unsent bytes at which a response pauses, and to which they must fall before it goes on.
    package var writeBufferLow = 64 * 1024
    package var writeBufferHigh = 256 * 1024

    /// Bounds of HTTP/2 connections.
    package var http2 = HTTP2Limits()

    package init() {}
}
