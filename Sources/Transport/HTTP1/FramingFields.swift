/// What the framing and connection fields of a head say together (RFC 9112 §6, §9).
struct FramingFields {
    private(set) var contentLength: UInt64?
    private(set) var isChunked = false
    private(set) var saysClose = false
    private(set) var saysKeepAlive = false
    private(set) var hasNominations = false
    /// The fields seen, as a set.
    private(set) var present: UInt64 = 0

    /// Takes note of one field, or says why the message must be refused.
    @inline(__always)
    mutating func note(_ field: FieldSpan, _ base: UnsafePointer<UInt8>) -> HeadRefusal? {
        let bit: UInt64 = 1 &<< UInt64(field.known.rawValue)
        let isRepeated = present & bit != 0
        present |= bit
        switch field.known {
        case .contentLength:
            return noteLength(field, base, isRepeated: isRepeated)
        case .transferEncoding:
            return noteCoding(field, base, isRepeated: isRepeated)
        case .connection:
            noteConnection(field, base)
            return nil
        default:
            return nil
        }
    }

    private mutating func noteLength(
        _ field: FieldSpan, _ base: UnsafePointer<UInt8>, isRepeated: Bool
    ) -> HeadRefusal? {
        if isRepeated { return .ambiguousFraming("content-length twice") }
        let value = field.value
        // 19 digits cannot overflow 64 bits.
        guard !value.isEmpty, value.count <= 19 else { return .malformed("invalid content-length") }
        var length: UInt64 = 0
        for index in value {
            let digit = base[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return .malformed("invalid content-length") }
            length = length &* 10 &+ UInt64(digit)
        }
        contentLength = length
        return nil
    }

    private mutating func noteCoding(
        _ field: FieldSpan, _ base: UnsafePointer<UInt8>, isRepeated: Bool
    ) -> HeadRefusal? {
        if isRepeated { return .ambiguousFraming("transfer-encoding twice") }
        guard TokenList.equal(UnsafeRawBufferPointer(base, field.value), "chunked") else { return .notImplemented }
        isChunked = true
        return nil
    }

    private mutating func noteConnection(_ field: FieldSpan, _ base: UnsafePointer<UInt8>) {
        var close = false
        var keepAlive = false
        var nominates = false
        TokenList(UnsafeRawBufferPointer(base, field.value)).forEach { token in
            if TokenList.equal(token, "close") {
                close = true
            } else if TokenList.equal(token, "keep-alive") {
                keepAlive = true
            } else {
                nominates = true
            }
        }
        saysClose = saysClose || close
        saysKeepAlive = saysKeepAlive || keepAlive
        hasNominations = hasNominations || nominates
    }

    /// Whether the sender keeps the connection open after this message.
    func keepsAlive(isHTTP10: Bool) -> Bool {
        !saysClose && (!isHTTP10 || saysKeepAlive)
    }

    /// Why the framing fields contradict one another, if they do.
    func contradiction(isHTTP10: Bool) -> HeadRefusal? {
        guard isChunked else { return nil }
        if contentLength != nil { return .ambiguousFraming("content-length and transfer-encoding") }
        return isHTTP10 ? .ambiguousFraming("transfer-encoding in HTTP/1.0") : nil
    }

    func has(_ known: KnownField) -> Bool {
        present & (1 &<< UInt64(known.rawValue)) != 0
    }
}

extension UnsafeRawBufferPointer {
    /// A range of offsets from a base.
    init(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) {
        self.init(start: base + range.lowerBound, count: range.count)
    }
}
