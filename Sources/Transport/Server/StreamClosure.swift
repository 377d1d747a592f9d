/// Why an exchange broke off before its end.
package enum StreamClosure: Sendable, Equatable {
    /// The client closed or reset the connection.
    case peerClosed
    /// The body stopped arriving.
    case bodyTimeout
    /// The client stopped reading its answer.
    case writeTimeout
    /// Nothing came through a tunnel, in either direction.
    case tunnelTimeout
    /// The body broke the rules of its framing, or a limit.
    case refused(HeadRefusal)
    /// The time for draining is over.
    case drained
    /// The handler itself broke off.
    case aborted
}
