/// What is known of a response's body when its head is written.
package enum ResponseBody: Sendable, Equatable {
    /// No body: `content-length: 0`, except where the status or HEAD rules it out.
    case none
    /// Exactly so many bytes.
    case length(UInt64)
    /// A length not known beforehand: chunked, or until close for HTTP/1.0.
    case stream
}
