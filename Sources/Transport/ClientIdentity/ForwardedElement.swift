/// One element of a `Forwarded` field: what one proxy says (RFC 7239 §4).
struct ForwardedElement: Equatable {
    /// Nil where the element has no `for`.
    var node: ForwardedNode?
    /// Whether `proto` is https; nil for another protocol, or none.
    var isSecure: Bool?
    /// Where the value of `host` stands.
    var host: Range<Int>?

    /// Elements of a field that are read; one with more is refused.
    static let maxElements = 32

    /// Reads the list in `range` of `bytes` and appends its elements; false where anything in it is malformed.
    ///
    /// White space is taken beside commas and semicolons, since it is sent there. A quoted value with an escape is
    /// refused: nothing that is read here needs one.
    static func read(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, into elements: inout [ForwardedElement])
        -> Bool
    {
        var scan = Scan(bytes: bytes, index: range.lowerBound, end: range.upperBound)
        while true {
            guard elements.count < maxElements, let element = scan.element() else { return false }
            elements.append(element)
            if scan.isAtEnd { return true }
            guard scan.take(UInt8(ascii: ",")) else { return false }
        }
    }

    private struct Scan {
        let bytes: UnsafeRawBufferPointer
        var index: Int
        let end: Int

        var isAtEnd: Bool { index == end }

        mutating func take(_ byte: UInt8) -> Bool {
            guard index < end, bytes[index] == byte else { return false }
            index += 1
            return true
        }

        private mutating func skipSpace() {
            while index < end, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        }

        mutating func element() -> ForwardedElement? {
            var element = ForwardedElement()
            var hasProto = false
            var hasBy = false
            while true {
                skipSpace()
                let name = token()
                guard !name.isEmpty, take(UInt8(ascii: "=")), let value = value() else { return nil }
                let word = bytes[name]
                let text = UnsafeRawBufferPointer(rebasing: bytes[value])
                if ASCIIText.equals(word, "for") {
                    guard element.node == nil, let node = ForwardedNode(text, isBracketed: true) else { return nil }
                    element.node = node
                } else if ASCIIText.equals(word, "proto") {
                    guard !hasProto else { return nil }
                    hasProto = true
                    element.isSecure = TransportScheme.isSecure(text[...])
                } else if ASCIIText.equals(word, "host") {
                    guard element.host == nil else { return nil }
                    element.host = value
                } else if ASCIIText.equals(word, "by") {
                    guard !hasBy else { return nil }
                    hasBy = true
                }
                skipSpace()
                guard take(UInt8(ascii: ";")) else { return element }
            }
        }

        /// A token of RFC 9110 §5.6.2; empty where there is none.
        private mutating func token() -> Range<Int> {
            let start = index
            while index < end, Self.isToken(bytes[index]) { index += 1 }
            return start..<index
        }

        private mutating func value() -> Range<Int>? {
            guard take(UInt8(ascii: "\"")) else {
                let range = token()
                return range.isEmpty ? nil : range
            }
            let start = index
            while index < end {
                let byte = bytes[index]
                if byte == UInt8(ascii: "\"") {
                    index += 1
                    return start..<(index - 1)
                }
                if byte == UInt8(ascii: "\\") { return nil }
                index += 1
            }
            return nil
        }

        private static func isToken(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
                UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
                true
            default: false
            }
        }
    }
}

/// The protocol that a proxy says its client speaks.
enum TransportScheme {
    /// Nil for what is neither http nor https.
    static func isSecure(_ word: Slice<UnsafeRawBufferPointer>) -> Bool? {
        if ASCIIText.equals(word, "https") { return true }
        return ASCIIText.equals(word, "http") ? false : nil
    }
}
