package import NIOCore

/// Parses request heads strictly (RFC 9112 §§2–6), as their bytes arrive.
///
/// One empty line before the request line is tolerated (RFC 9112 §2.2); nothing else is repaired. After a refusal the
/// parser and its connection are not to be used again.
package struct RequestHeadParser {
    private let limits: HeadLimits
    private var scanner: FieldScanner
    private var framing = FramingFields()
    private var hasRequestLine = false
    private var skippedEmptyLine = false

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
        scanner = FieldScanner(tables: HeadTables.shared)
    }

    /// Whether a part of a head has been seen.
    package var isInsideHead: Bool { hasRequestLine || scanner.isPartial }

    /// Parses one head off the front of `input` into `head`.
    ///
    /// While the outcome is `incomplete` the bytes stay in `input`, to which the caller only appends.
    package mutating func parse(_ input: inout ByteBuffer, into head: inout RequestHead) -> HeadParseOutcome {
        if !hasRequestLine, !skippedEmptyLine, let outcome = skipEmptyLine(&input) { return outcome }
        var length = 0
        let outcome = input.withUnsafeReadableBytes { raw -> HeadParseOutcome in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return .incomplete }
            return scan(base, raw.count, &head, &length)
        }
        guard outcome == .complete, let bytes = input.readSlice(length: length) else { return outcome }
        head.bytes = bytes
        framing = FramingFields()
        hasRequestLine = false
        skippedEmptyLine = false
        scanner.start(at: 0)
        return .complete
    }

    private mutating func skipEmptyLine(_ input: inout ByteBuffer) -> HeadParseOutcome? {
        guard input.getInteger(at: input.readerIndex, as: UInt8.self) == 0x0d else { return nil }
        guard let next = input.getInteger(at: input.readerIndex + 1, as: UInt8.self) else { return .incomplete }
        guard next == 0x0a else { return .refused(.malformed("bare CR")) }
        input.moveReaderIndex(forwardBy: 2)
        skippedEmptyLine = true
        return nil
    }

    private mutating func scan(
        _ base: UnsafePointer<UInt8>, _ available: Int, _ head: inout RequestHead, _ length: inout Int
    ) -> HeadParseOutcome {
        let isFull = available >= limits.maxHeadBytes
        let count = isFull ? limits.maxHeadBytes : available
        guard scanner.isWorthLooking(base, count, isFull: isFull) else { return .incomplete }
        if !hasRequestLine {
            let line = RequestLine.scan(base, count, tables: scanner.tables, maxTargetBytes: limits.maxTargetBytes)
            guard case .complete(let end) = line.outcome else {
                return ranOut(line.outcome, count, isFull)
            }
            head.reset(line)
            hasRequestLine = true
            scanner.start(at: end)
        }
        while true {
            switch scanner.line(base, count) {
            case .field(let field):
                if head.fields.count == limits.maxFields { return .refused(.tooManyFields) }
                if let refusal = framing.note(field, base) ?? head.note(field, base) { return .refused(refusal) }
                head.fields.append(field)
                scanner.start(at: Int(field.end))
            case .end(let end):
                length = end
                return head.finish(framing)
            case .incomplete:
                return ranOut(.incomplete, count, isFull)
            case .refused(let refusal):
                return .refused(refusal)
            }
        }
    }

    private mutating func ranOut(_ outcome: RequestLine.Outcome, _ count: Int, _ isFull: Bool) -> HeadParseOutcome {
        if case .refused(let refusal) = outcome { return .refused(refusal) }
        scanner.ranOut(at: count)
        return isFull ? .refused(.headTooLarge) : .incomplete
    }
}

extension RequestHead {
    fileprivate mutating func reset(_ line: RequestLine) {
        method = line.method
        methodRange = line.methodRange
        targetRange = line.targetRange
        isHTTP10 = line.isHTTP10
        fields.removeAll(keepingCapacity: true)
        host = nil
        expectsContinue = false
    }

    /// Takes note of the fields that only requests have.
    @inline(__always)
    fileprivate mutating func note(_ field: FieldSpan, _ base: UnsafePointer<UInt8>) -> HeadRefusal? {
        switch field.known {
        case .host:
            if host != nil { return .malformed("host twice") }
            host = field.value
        case .expect:
            expectsContinue = TokenList.equal(UnsafeRawBufferPointer(base, field.value), "100-continue")
        default:
            break
        }
        return nil
    }

    fileprivate mutating func finish(_ framing: FramingFields) -> HeadParseOutcome {
        if let refusal = framing.contradiction(isHTTP10: isHTTP10) { return .refused(refusal) }
        if host == nil, !isHTTP10 { return .refused(.malformed("host missing")) }
        present = framing.present
        hasNominations = framing.hasNominations
        keepAlive = framing.keepsAlive(isHTTP10: isHTTP10)
        hasUpgrade = framing.has(.upgrade)
        if framing.isChunked {
            body = .chunked
        } else if let length = framing.contentLength {
            body = .length(length)
        } else {
            body = .none
        }
        // RFC 9110 §10.1.1: no expectation in HTTP/1.0, and none without a body.
        expectsContinue = expectsContinue && !isHTTP10 && !body.isEmpty
        return .complete
    }
}
