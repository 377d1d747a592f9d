import NIOCore
import Transport

/// What RFC 9110 and 9112 ask of an accepted head, said again without the parser's tables.
enum HeadRules {
    static func fault(in head: RequestHead) -> String? {
        head.withBytes { bytes -> String? in
            let method = bytes[head.methodRange]
            let target = bytes[head.targetRange]
            if method.isEmpty || !method.allSatisfy(isToken) { return "a method that is no token" }
            if target.isEmpty || target.contains(where: { $0 <= 0x20 || $0 == 0x7f }) { return "a target with spaces" }
            if !head.isHTTP10, head.host == nil { return "HTTP/1.1 without Host" }
            if head.isHTTP10, head.body == .chunked { return "chunked in HTTP/1.0" }
            if head.body == .untilClose { return "a request that ends with the connection" }
            return fieldFault(head.fields, bytes)
        } ?? framingFault(head, head.body)
    }

    static func fault(in head: ResponseHead) -> String? {
        if !(100...999).contains(head.status) { return "status \(head.status)" }
        return head.withBytes { fieldFault(head.fields, $0) } ?? framingFault(head, head.body)
    }

    /// RFC 9110 §§5.1, 5.5: names are tokens, values have no control bytes but tabs, and the spans follow one another.
    private static func fieldFault(_ fields: [FieldSpan], _ bytes: UnsafeRawBufferPointer) -> String? {
        var last = 0
        for field in fields {
            guard field.line.lowerBound >= last, field.line.upperBound <= bytes.count else { return "a span outside" }
            last = field.line.upperBound
            guard field.name.lowerBound == field.line.lowerBound, field.name.upperBound < field.value.lowerBound + 1,
                field.value.upperBound <= field.line.upperBound - 2
            else { return "spans that do not lie in their line" }
            if field.name.isEmpty || !bytes[field.name].allSatisfy(isToken) { return "a name that is no token" }
            if bytes[field.name.upperBound] != UInt8(ascii: ":") { return "no colon behind the name" }
            let value = bytes[field.value]
            if value.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7f }) { return "a control byte in a value" }
            if let first = value.first, let end = value.last, isSpace(first) || isSpace(end) { return "untrimmed" }
            guard bytes[field.line.upperBound - 2] == 0x0d, bytes[field.line.upperBound - 1] == 0x0a else {
                return "a line that does not end in CRLF"
            }
        }
        return nil
    }

    /// RFC 9112 §6.3: one way to find the end of the body, never two.
    private static func framingFault(_ head: some HeadBytes, _ framing: BodyFraming) -> String? {
        let lengths = head.count(of: .contentLength)
        let codings = head.count(of: .transferEncoding)
        if lengths > 0, codings > 0 { return "Content-Length beside Transfer-Encoding" }
        if lengths > 1 || codings > 1 { return "repeated framing fields" }
        if codings == 1, framing != .chunked, framing != .none { return "a coding that does not frame" }
        return nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
