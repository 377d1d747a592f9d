/// A text in which `*` stands for any run of characters; `\` takes the next character as it is.
package struct TextGlob: Hashable, Sendable {
    private enum Token: Hashable { case byte(UInt8), any }

    /// The text as the file spells it.
    package let text: String
    private let tokens: [Token]
    private let folded: [Token]
    /// Whether the text spells a dot out, and with it a suffix.
    let hasDot: Bool
    /// The number that the text is, if it is one.
    let number: ExactDecimal?

    package init(_ text: String) {
        self.text = text
        tokens = Self.tokens(text)
        folded = Self.tokens(TextFold.loose(text))
        hasDot = text.utf8.contains(UInt8(ascii: "."))
        number = ExactDecimal(text.utf8)
    }

    private static func tokens(_ text: String) -> [Token] {
        var tokens: [Token] = []
        var isEscaped = false
        for byte in text.utf8 {
            switch byte {
            case _ where isEscaped:
                tokens.append(.byte(byte))
                isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "*"): if tokens.last != .any { tokens.append(.any) }
            default: tokens.append(.byte(byte))
            }
        }
        if isEscaped { tokens.append(.byte(UInt8(ascii: "\\"))) }
        return tokens
    }

    /// Whether the whole of a value matches.
    package func matches(_ value: String) -> Bool { Self.matches(tokens, Array(value.utf8)) }

    /// Whether it does once letter case and spaces at its ends are left aside.
    package func matchesLoosely(_ value: String) -> Bool { Self.matches(folded, Array(TextFold.loose(value).utf8)) }

    /// There is one point of return, the last star, so that time stays within tokens × bytes.
    private static func matches(_ tokens: [Token], _ bytes: [UInt8]) -> Bool {
        var (token, byte) = (0, 0)
        var (returnToken, returnByte) = (-1, 0)
        while true {
            if token < tokens.count, case .any = tokens[token] {
                token += 1
                (returnToken, returnByte) = (token, byte)
                continue
            }
            if token == tokens.count, byte == bytes.count { return true }
            if token < tokens.count, byte < bytes.count, tokens[token] == .byte(bytes[byte]) {
                token += 1
                byte += 1
                continue
            }
            guard returnToken >= 0, returnByte < bytes.count else { return false }
            returnByte += 1
            (token, byte) = (returnToken, returnByte)
        }
    }
}

/// Texts as lenient readers compare them.
enum TextFold {
    /// Without letter case, and without white space at the ends.
    static func loose(_ text: String) -> String {
        let bytes = text.utf8
        if bytes.allSatisfy({ $0 < 0x80 }) {
            let lowered = bytes.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
            let start = lowered.drop(while: isSpace)
            return String(decoding: start.reversed().drop(while: isSpace).reversed(), as: UTF8.self)
        }
        // Upper case first: a long s and the sign of Kelvin become the letters that they are taken for.
        let folded = text.uppercased().lowercased()
        let start = folded.drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }

    /// A name without letter case and the signs that naming customs differ in: `max_tokens` is `maxTokens`.
    ///
    /// Protocol Buffers take both in JSON, PHP writes `_` for dots and spaces, Go and .NET leave case aside.
    static func looseName(_ name: [UInt8]) -> [UInt8] {
        let text = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        return loose(text).utf8.filter { !"_-. ".utf8.contains($0) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
