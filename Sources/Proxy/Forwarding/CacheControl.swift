import NIOCore
import Transport

/// Keeps answers that were paid for out of shared caches (RFC 9111 §5.2.2).
enum CacheControl {
    /// Appends one `cache-control` line: the upstream's directives without `public` and `s-maxage`, and `private`.
    ///
    /// Neither `private="field"` (§5.2.2.7) nor `no-store`, which `must-understand` revokes (§5.2.2.3), can stand for it.
    static func appendPaid(of head: ResponseHead, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("cache-control: ")
        var isPrivate = false
        head.withBytes { bytes in
            for field in head.fields where field.known == .cacheControl {
                var start = field.value.lowerBound
                while start < field.value.upperBound {
                    var end = start
                    var isQuoted = false
                    while end < field.value.upperBound, isQuoted || bytes[end] != UInt8(ascii: ",") {
                        if bytes[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
                        end &+= 1
                    }
                    let directive = trimmed(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                    start = end &+ 1
                    if directive.isEmpty || names(directive, "public") || names(directive, "s-maxage") { continue }
                    if directive.count == 7, names(directive, "private") { isPrivate = true }
                    buffer.writeBytes(directive)
                    buffer.writeStaticString(", ")
                }
            }
        }
        if isPrivate {
            buffer.moveWriterIndex(to: buffer.writerIndex - 2)
            buffer.writeStaticString("\r\n")
        } else {
            buffer.writeStaticString("private\r\n")
        }
    }

    /// Whether a directive has this lower-case name, with or without an argument.
    private static func names(_ directive: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard directive.count >= count else { return false }
        for index in 0..<count where directive[index] | 0x20 != name.utf8Start[index] | 0x20 { return false }
        return directive.count == count || directive[count] == UInt8(ascii: "=")
            || directive[count] == UInt8(ascii: " ")
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start &+= 1 }
        while end > start, bytes[end &- 1] == 0x20 || bytes[end &- 1] == 0x09 { end &-= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }
}
