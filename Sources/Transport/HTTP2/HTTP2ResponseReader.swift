import NIOCore

/// Builds the HTTP/1.1 form of a response's head from the fields of an HTTP/2 one (RFC 9113 §8).
///
///     HTTP/1.1 status (no reason)
///     name: value …
///     (empty line)
///
/// Whatever is malformed by RFC 9113 §8.1.1 is refused; nothing is repaired. After a refusal further fields are only
/// counted.
struct HTTP2ResponseReader {
    private let limits: HeadLimits
    private let tables = HeadTables.shared
    private(set) var refusal: HeadRefusal?
    /// Bytes of all fields so far as RFC 9113 §6.5.2 counts them, refused ones included.
    private(set) var listBytes = 0

    private var framing = FramingFields()

    init(limits: HeadLimits) {
        self.limits = limits
    }

    /// Starts a head; its storage is emptied.
    mutating func start(_ head: inout ResponseHead) {
        refusal = nil
        listBytes = 0
        framing = FramingFields()
        head.bytes.clear()
        head.fields.removeAll(keepingCapacity: true)
        head.status = 0
    }

    /// Takes one field.
    mutating func field(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, _ head: inout ResponseHead
    ) {
        listBytes &+= name.count &+ value.count &+ 32
        guard refusal == nil else { return }
        guard let first = name.first else { return refuse(.malformed("empty field name")) }
        guard FieldRules.isValue(value) else { return refuse(.malformed("invalid byte in field value")) }
        if first == UInt8(ascii: ":") { return status(name, value, &head) }
        // RFC 9113 §8.3.2: the status stands before everything else.
        guard head.status != 0 else { return refuse(.malformed("status missing")) }
        guard FieldRules.isName(name, tables) else { return refuse(.malformed("invalid byte in field name")) }
        regular(name, value, &head)
    }

    /// Ends the head; the head is whole unless there is a refusal.
    ///
    /// - Parameter method: The method of the request, which decides whether a body follows.
    mutating func finish(_ head: inout ResponseHead, method: Method, endsStream: Bool) {
        guard refusal == nil else { return }
        guard head.status != 0 else { return refuse(.malformed("status missing")) }
        head.bytes.writeStaticString("\r\n")
        head.present = framing.present
        head.hasNominations = false
        head.isHTTP10 = false
        head.keepAlive = true
        head.contentLength = framing.contentLength
        let hasNoBody = method == .head || head.status < 200 || head.status == 204 || head.status == 304
        if head.status < 200 {
            // RFC 9113 §8.1: an interim answer does not end the stream.
            if endsStream { return refuse(.malformed("interim answer ends the stream")) }
            head.body = .none
        } else if hasNoBody {
            head.body = .none
        } else if let length = framing.contentLength {
            // RFC 9113 §8.1.1: the length must be that of the DATA frames.
            if endsStream, length > 0 { return refuse(.malformed("content-length without a body")) }
            head.body = .length(length)
        } else {
            head.body = endsStream ? .none : .chunked
        }
    }

    private mutating func refuse(_ refusal: HeadRefusal) {
        self.refusal = refusal
    }

    // MARK: Fields

    private mutating func status(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, _ head: inout ResponseHead
    ) {
        guard FieldRules.equal(name, ":status") else { return refuse(.malformed("unknown pseudo-header field")) }
        guard head.status == 0 else { return refuse(.malformed("status twice, or after a field")) }
        guard value.count == 3 else { return refuse(.malformed("invalid status")) }
        var status = 0
        for byte in value {
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { return refuse(.malformed("invalid status")) }
            status = status &* 10 &+ Int(digit)
        }
        guard status >= 100 else { return refuse(.malformed("invalid status")) }
        // RFC 9113 §8.6: there is no 101.
        guard status != 101 else { return refuse(.malformed("101 in HTTP/2")) }
        head.status = status
        head.bytes.reserveCapacity(512)
        head.bytes.writeStaticString("HTTP/1.1 ")
        head.bytes.writeBytes(UnsafeRawBufferPointer(value))
        head.bytes.writeStaticString(" \r\n")
        head.reason = head.bytes.readableBytes - 2..<head.bytes.readableBytes - 2
    }

    private mutating func regular(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, _ head: inout ResponseHead
    ) {
        guard head.fields.count < limits.maxFields else { return refuse(.tooManyFields) }
        let start = head.bytes.readableBytes
        guard start + name.count + value.count + 6 <= limits.maxHeadBytes else { return refuse(.headTooLarge) }
        head.bytes.writeBytes(UnsafeRawBufferPointer(name))
        head.bytes.writeStaticString(": ")
        head.bytes.writeBytes(UnsafeRawBufferPointer(value))
        head.bytes.writeStaticString("\r\n")
        let tables = tables
        let refused = head.bytes.withUnsafeReadableBytes { raw -> HeadRefusal? in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return nil }
            let valueStart = start + name.count + 2
            let field = FieldSpan(
                start: Int32(truncatingIfNeeded: start), nameEnd: Int32(truncatingIfNeeded: start + name.count),
                valueStart: Int32(truncatingIfNeeded: valueStart),
                valueEnd: Int32(truncatingIfNeeded: valueStart + value.count),
                end: Int32(truncatingIfNeeded: raw.count),
                known: tables.known(base + start, name.count, available: raw.count - start))
            // `te` too is for requests alone (RFC 9113 §8.2.2).
            if field.known.isConnectionSpecific || field.known == .te {
                return .malformed("connection field in HTTP/2")
            }
            head.fields.append(field)
            return framing.note(field, base)
        }
        if let refused { refuse(refused) }
    }
}
