import NIOCore

/// A request checked and written out, ready for any connection to its origin.
struct RequestMessage: Sendable {
    /// The most bytes of the request line and the fields.
    static let maxHeadBytes = 64 << 10
    /// The longest a call may last; longer timeouts are cut to it.
    static let maxTimeout: Duration = .seconds(24 * 60 * 60)

    /// Head and body, so that one write sends both.
    let bytes: ByteBuffer
    let method: Method
    let isIdempotent: Bool
    let maxResponseBytes: Int
    let timeout: Duration

    /// Fails with `invalidRequest` where anything could change how the message is framed.
    init(_ request: OutgoingRequest) throws(TransportError) {
        method = try RequestMessage.method(request.method)
        guard request.maxResponseBytes >= 0 else {
            throw TransportError(.invalidRequest, detail: "a negative response limit")
        }
        maxResponseBytes = request.maxResponseBytes
        timeout = min(max(request.timeout, .zero), RequestMessage.maxTimeout)
        isIdempotent = request.isIdempotent

        var bytes = ByteBuffer()
        bytes.reserveCapacity(512 + request.body.count)
        bytes.writeString("\(request.method) \(request.url.target) HTTP/1.1\r\nhost: \(request.url.authority)\r\n")
        var namesAgent = false
        for (name, value) in request.headers {
            try RequestMessage.check(name: name, value: value)
            namesAgent = namesAgent || name.lowercased() == "user-agent"
            bytes.writeString("\(name): \(value)\r\n")
            guard bytes.readableBytes <= RequestMessage.maxHeadBytes else {
                throw TransportError(.invalidRequest, detail: "the head is too large")
            }
        }
        if !namesAgent { bytes.writeStaticString("user-agent: farebox\r\n") }
        // A server may refuse a POST without a length (RFC 9110 §8.6).
        if !request.body.isEmpty || method == .post || method == .put || method == .patch {
            bytes.writeString("content-length: \(request.body.count)\r\n")
        }
        bytes.writeStaticString("\r\n")
        bytes.writeBytes(request.body)
        self.bytes = bytes
    }

    private static func method(_ text: String) throws(TransportError) -> Method {
        guard isToken(text), text != "CONNECT" else {
            throw TransportError(.invalidRequest, detail: "a method that cannot be sent")
        }
        return switch text {
        case "GET": .get
        case "HEAD": .head
        case "POST": .post
        case "PUT": .put
        case "PATCH": .patch
        case "DELETE": .delete
        case "OPTIONS": .options
        case "TRACE": .trace
        default: .other
        }
    }

    /// What the client decides itself (RFC 9110 §7.6.1, RFC 9112 §6, §3.2).
    private static let ownFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer",
        "upgrade", "expect",
    ]

    private static func check(name: String, value: String) throws(TransportError) {
        guard isToken(name) else { throw TransportError(.invalidRequest, detail: "a header name that is no token") }
        guard !ownFields.contains(name.lowercased()) else {
            throw TransportError(.invalidRequest, detail: "a header that the client sets itself")
        }
        // Visible characters, space, tab and obs-text only (RFC 9110 §5.5).
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw TransportError(.invalidRequest, detail: "a control character in a header value")
        }
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x5E...0x7A, 0x7C, 0x7E: true
                case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E: true
                default: false
                }
            }
    }
}
