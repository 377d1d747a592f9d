/// What names and values of fields may consist of (RFC 9113 §8.2.1).
enum FieldRules {
    /// Whether a name is a token without capitals.
    @inline(__always)
    static func isName(_ name: UnsafeBufferPointer<UInt8>, _ tables: HeadTables) -> Bool {
        guard !name.isEmpty else { return false }
        for byte in name where tables.token[Int(byte)] == 0 || byte &- UInt8(ascii: "A") < 26 { return false }
        return true
    }

    static func isToken(_ text: UnsafeBufferPointer<UInt8>, _ tables: HeadTables) -> Bool {
        guard !text.isEmpty else { return false }
        for byte in text where tables.token[Int(byte)] == 0 { return false }
        return true
    }

    /// Whether a value has no control bytes, and no white space at its ends.
    @inline(__always)
    static func isValue(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = value.baseAddress, !value.isEmpty else { return true }
        if FieldScanner.isBlank(base[0]) || FieldScanner.isBlank(base[value.count &- 1]) { return false }
        return FieldScanner.endOfText(base, 0, value.count) == value.count
    }

    /// Whether all bytes are visible ASCII.
    static func isVisible(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        for byte in text where byte <= 0x20 || byte >= 0x7f { return false }
        return true
    }

    @inline(__always)
    static func equal(_ text: UnsafeBufferPointer<UInt8>, _ constant: StaticString) -> Bool {
        guard text.count == constant.utf8CodeUnitCount else { return false }
        var index = 0
        while index < text.count {
            if text[index] != constant.utf8Start[index] { return false }
            index &+= 1
        }
        return true
    }
}
