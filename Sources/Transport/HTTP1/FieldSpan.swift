/// Where one field line lies in its head.
///
/// Offsets count from the first byte of the head.
package struct FieldSpan: Sendable {
    @usableFromInline let start: Int32
    @usableFromInline let nameEnd: Int32
    @usableFromInline let valueStart: Int32
    @usableFromInline let valueEnd: Int32
    @usableFromInline let end: Int32
    /// The name, if it is one the proxy treats specially.
    package let known: KnownField

    /// The field name.
    package var name: Range<Int> { Int(start)..<Int(nameEnd) }
    /// The value without the white space around it.
    package var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    /// The whole line, CRLF included, for copying it as it stands.
    package var line: Range<Int> { Int(start)..<Int(end) }
}
