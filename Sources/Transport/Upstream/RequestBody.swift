/// What is known of a request's body when its head is sent upstream.
package enum RequestBody: Sendable, Equatable {
    /// No body and no framing field.
    case none
    /// Exactly so many bytes, `content-length`.
    case length(UInt64)
    /// A length not known beforehand: chunked.
    case stream
}
