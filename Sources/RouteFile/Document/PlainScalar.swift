/// The values without quotes that are handed to the library.
///
/// A subset of TOML 1.0.0: decimal and prefixed integers, floats, truth values, and dates and times as RFC 3339 writes
/// them. What a file of ours can need is among them.
enum PlainScalar {
    /// Whether the text is such a value; none at all is left to the library, which tells it.
    static func isReadable(_ bytes: ArraySlice<UInt8>) -> Bool {
        if bytes.isEmpty { return true }
        guard bytes.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return false }
        let text = String(decoding: bytes, as: UTF8.self)
        if ["true", "false", "inf", "nan"].contains(text) { return true }
        return isNumber(text) || isMoment(text)
    }

    private static func isNumber(_ text: String) -> Bool {
        var rest = text[...]
        if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
        if rest == "inf" || rest == "nan" { return true }
        for (prefix, digits) in [("0x", "0123456789abcdefABCDEF_"), ("0o", "01234567_"), ("0b", "01_")]
        where rest.hasPrefix(prefix) {
            return rest.count > 2 && rest.dropFirst(2).allSatisfy(digits.contains)
        }
        guard rest.first?.isWholeNumber == true else { return false }
        return rest.allSatisfy { "0123456789_.eE+-".contains($0) }
            && !rest.dropFirst().contains { $0 == "-" || $0 == "+" }
            || isExponent(rest)
    }

    /// A float with a signed exponent: digits, perhaps a fraction, `e`, a sign, digits.
    private static func isExponent(_ text: Substring) -> Bool {
        guard let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) else { return false }
        let power = text[text.index(after: mark)...]
        let digits = power.dropFirst(power.first == "+" || power.first == "-" ? 1 : 0)
        return text[..<mark].allSatisfy { "0123456789_.".contains($0) }
            && !digits.isEmpty && digits.allSatisfy { "0123456789_".contains($0) }
    }

    /// `2026-11-21`, `09:05:00`, or both with `T` or a space between them, and `Z`.
    private static func isMoment(_ text: String) -> Bool {
        let shape = String(text.map { $0.isASCII && $0.isWholeNumber ? "0" : $0 })
        let (date, time) = ("0000-00-00", "00:00:00")
        return [date, time, date + "T" + time, date + " " + time, date + "T" + time + "Z"].contains(shape)
    }
}
