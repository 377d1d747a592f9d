/// A comma-separated list of tokens (RFC 9110 §5.6.1), compared without case.
package struct TokenList {
    private let bytes: UnsafeRawBufferPointer

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Calls `body` for each element without the white space around it; empty ones are skipped.
    package func forEach(_ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: ",") { end &+= 1 }
            let element = Self.trimmed(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            if !element.isEmpty { body(element) }
            start = end &+ 1
        }
    }

    /// Whether the list has this element.
    func contains(_ token: UnsafeRawBufferPointer) -> Bool {
        var found = false
        forEach { found = found || Self.equal($0, token) }
        return found
    }

    /// Removes spaces and tabs at both ends.
    static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end, isBlank(bytes[start]) { start &+= 1 }
        while end > start, isBlank(bytes[end &- 1]) { end &-= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// Compares two tokens without case.
    package static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count where lowered(left[index]) != lowered(right[index]) { return false }
        return true
    }

    /// Compares a token without case with a lower-case constant.
    package static func equal(_ left: UnsafeRawBufferPointer, _ right: StaticString) -> Bool {
        equal(left, UnsafeRawBufferPointer(start: right.utf8Start, count: right.utf8CodeUnitCount))
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
