package import NIOCore

/// Parses response heads strictly (RFC 9112 §§2–6), as their bytes arrive.
///
/// After a refusal the parser and its connection are not to be used again.
package struct ResponseHeadParser {
    private let limits: HeadLimits
    private var scanner: FieldScanner
    private var framing = FramingFields()
    private var hasStatusLine = false

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
        scanner = FieldScanner(tables: HeadTables.shared)
    }

    /// Parses one head off the front of `input` into `head`.
    ///
    /// While the outcome is `incomplete` the bytes stay in `input`, to which the caller only appends.
    ///
    /// - Parameter method: The method of the request, which decides whether a body follows.
    package mutating func parse(
        _ input: inout ByteBuffer, method: Method, into head: inout ResponseHead
    ) -> HeadParseOutcome {
        var length = 0
        let outcome = input.withUnsafeReadableBytes { raw -> HeadParseOutcome in
            guard let base = raw.bindMemory(to: UInt8.self).baseAddress else { return .incomplete }
            return scan(base, raw.count, method, &head, &length)
        }
        guard outcome == .complete, let bytes = input.readSlice(length: length) else { return outcome }
        head.bytes = bytes
        framing = FramingFields()
        hasStatusLine = false
        scanner.start(at: 0)
        return .complete
    }

    private mutating func scan(
        _ base: UnsafePointer<UInt8>, _ available: Int, _ method: Method, _ head: inout ResponseHead,
        _ length: inout Int
    ) -> HeadParseOutcome {
        let isFull = available >= limits.maxHeadBytes
        let count = isFull ? limits.maxHeadBytes : available
        guard scanner.isWorthLooking(base, count, isFull: isFull) else { return .incomplete }
        if !hasStatusLine {
            let line = StatusLine.scan(base, count)
            guard case .complete(let end) = line.outcome else {
                return ranOut(line.outcome, count, isFull)
            }
            head.reset(line)
            hasStatusLine = true
            scanner.start(at: end)
        }
        while true {
            switch scanner.line(base, count) {
            case .field(let field):
                if head.fields.count == limits.maxFields { return .refused(.tooManyFields) }
                if let refusal = framing.note(field, base) { return .refused(refusal) }
                head.fields.append(field)
                scanner.start(at: Int(field.end))
            case .end(let end):
                length = end
                return head.finish(framing, method)
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

extension ResponseHead {
    fileprivate mutating func reset(_ line: StatusLine) {
        status = line.status
        reason = line.reason
        isHTTP10 = line.isHTTP10
        fields.removeAll(keepingCapacity: true)
    }

    fileprivate mutating func finish(_ framing: FramingFields, _ method: Method) -> HeadParseOutcome {
        if let refusal = framing.contradiction(isHTTP10: isHTTP10) { return .refused(refusal) }
        present = framing.present
        hasNominations = framing.hasNominations
        keepAlive = framing.keepsAlive(isHTTP10: isHTTP10)
        contentLength = framing.contentLength
        // RFC 9112 §6.3 rules 1 to 8.
        if method == .head || status < 200 || status == 204 || status == 304 {
            body = .none
        } else if framing.isChunked {
            body = .chunked
        } else if let length = framing.contentLength {
            body = .length(length)
        } else {
            body = .untilClose
            keepAlive = false
        }
        return .complete
    }
}
