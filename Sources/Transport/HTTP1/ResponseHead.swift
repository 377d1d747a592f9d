package import NIOCore

/// A parsed response head: the bytes as received, and offsets into them.
package struct ResponseHead: HeadBytes, Sendable {
    package internal(set) var bytes = ByteBuffer()
    package internal(set) var fields: [FieldSpan] = []
    package internal(set) var present: UInt64 = 0
    package internal(set) var hasNominations = false
    /// The three digits of the status.
    package internal(set) var status = 0
    /// The reason phrase; often empty.
    package internal(set) var reason: Range<Int> = 0..<0
    package internal(set) var isHTTP10 = false
    /// The framing of the body, the request's method taken into account.
    package internal(set) var body: BodyFraming = .none
    /// The value of `Content-Length`, also where no body follows (answers to HEAD, 304).
    package internal(set) var contentLength: UInt64?
    /// Whether the server keeps the connection open after this message.
    package internal(set) var keepAlive = true

    package init() {}
}
