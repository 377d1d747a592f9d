package import NIOCore

/// A parsed request head: the bytes as received, and offsets into them.
///
/// The parser fills one value again and again, so that the storage of `fields` is reused.
package struct RequestHead: HeadBytes, Sendable {
    package internal(set) var bytes = ByteBuffer()
    package internal(set) var fields: [FieldSpan] = []
    package internal(set) var present: UInt64 = 0
    package internal(set) var hasNominations = false
    /// The method; `methodRange` has its bytes.
    package internal(set) var method: Method = .other
    package internal(set) var methodRange: Range<Int> = 0..<0
    /// The request target as received, in whichever form (RFC 9112 §3.2).
    package internal(set) var targetRange: Range<Int> = 0..<0
    package internal(set) var isHTTP10 = false
    /// The framing of the body: none, a length or chunked.
    package internal(set) var body: BodyFraming = .none
    /// Whether the client is ready for a further request on the connection.
    package internal(set) var keepAlive = true
    /// Whether the client waits for `100 Continue` before it sends the body.
    package internal(set) var expectsContinue = false
    package internal(set) var hasUpgrade = false
    /// The value of the one `Host` field; not judged further here.
    package internal(set) var host: Range<Int>?

    package init() {}
}
