/// The limits of an outgoing client.
package struct OutgoingLimits: Hashable, Sendable {
    /// The time connecting may take, name resolution and the TLS handshake included.
    package var connectTimeout: Duration = .seconds(5)
    /// How long an unused connection is kept.
    package var idleTimeout: Duration = .seconds(30)
    /// The most unused connections kept for one scheme, host and port.
    package var maxIdlePerOrigin = 8
    /// The most unused connections kept in all.
    package var maxIdle = 64
    /// The most connections, used and unused.
    package var maxConnections = 1024
    /// The most bytes of a response's head; every informational head has its own count.
    package var maxHeadBytes = 16 << 10
    /// The most informational responses before the final one.
    package var maxInformational = 8

    package init() {}
}
