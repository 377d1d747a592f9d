/// The PROXY header of version 1: one line of text (§2.1).
enum ProxyHeaderLine {
    /// The longest line, CRLF included.
    static let maxBytes = 107

    static func parse(_ bytes: UnsafeRawBufferPointer) -> ProxyHeader.ParseOutcome {
        guard ProxyHeader.begins(bytes, with: "PROXY ") else { return .invalid(.noSignature) }
        guard let feed = bytes.prefix(maxBytes).firstIndex(of: UInt8(ascii: "\n")) else {
            return bytes.count < maxBytes ? .incomplete : .invalid(.tooLong)
        }
        guard feed > 6, bytes[feed - 1] == UInt8(ascii: "\r") else { return .invalid(.malformedLine) }
        var words = Words(rest: bytes[6..<(feed - 1)])
        guard let header = header(&words) else { return .invalid(.malformedLine) }
        return .complete(header, length: feed + 1)
    }

    private static func header(_ words: inout Words) -> ProxyHeader? {
        guard let family = words.next() else { return nil }
        if equals(family, "UNKNOWN") { return .local }
        let isIPv6: Bool
        if equals(family, "TCP4") {
            isIPv6 = false
        } else if equals(family, "TCP6") {
            isIPv6 = true
        } else {
            return nil
        }
        guard let source = address(words.next(), isIPv6), let destination = address(words.next(), isIPv6),
            let sourcePort = port(words.next()), let destinationPort = port(words.next()), words.isAtEnd
        else { return nil }
        return .proxied(
            source: ProxyHeader.Endpoint(address: source, port: sourcePort),
            destination: ProxyHeader.Endpoint(address: destination, port: destinationPort))
    }

    private static func equals(_ text: Slice<UnsafeRawBufferPointer>, _ word: StaticString) -> Bool {
        text.elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    private static func address(_ text: Slice<UnsafeRawBufferPointer>?, _ isIPv6: Bool) -> IPAddress? {
        guard let text, text.contains(UInt8(ascii: ":")) == isIPv6 else { return nil }
        return IPAddress(text: UnsafeRawBufferPointer(rebasing: text))
    }

    private static func port(_ text: Slice<UnsafeRawBufferPointer>?) -> UInt16? {
        guard let text, let first = text.first, text.count <= 5, first != UInt8(ascii: "0") || text.count == 1 else {
            return nil
        }
        var value: UInt32 = 0
        for byte in text {
            guard byte &- UInt8(ascii: "0") < 10 else { return nil }
            value = value * 10 + UInt32(byte - UInt8(ascii: "0"))
        }
        return UInt16(exactly: value)
    }

    /// Words with exactly one space between them.
    private struct Words {
        var rest: Slice<UnsafeRawBufferPointer>?

        var isAtEnd: Bool { rest == nil }

        mutating func next() -> Slice<UnsafeRawBufferPointer>? {
            guard let text = rest else { return nil }
            guard let space = text.firstIndex(of: UInt8(ascii: " ")) else {
                rest = nil
                return text
            }
            rest = text[(space + 1)...]
            return text[..<space]
        }
    }
}
