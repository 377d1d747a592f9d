package import NIOCore

/// A message head as received, with the places of its fields.
package protocol HeadBytes {
    /// Exactly the head, from its first line to the empty line.
    var bytes: ByteBuffer { get }
    /// The field lines in the order received.
    var fields: [FieldSpan] { get }
    /// The fields of the head as a set, for a quick answer that one is absent.
    var present: UInt64 { get }
    /// Whether a `Connection` field names anything but `close` and `keep-alive`.
    var hasNominations: Bool { get }
}

extension HeadBytes {
    /// Whether the head has a field of this kind.
    package func has(_ known: KnownField) -> Bool {
        present & (1 &<< UInt64(known.rawValue)) != 0
    }

    /// Returns the first field of this kind.
    package func first(_ known: KnownField) -> FieldSpan? {
        guard has(known) else { return nil }
        return fields.first { $0.known == known }
    }

    /// Counts the fields of this kind.
    package func count(of known: KnownField) -> Int {
        guard has(known) else { return 0 }
        return fields.reduce(0) { $0 + ($1.known == known ? 1 : 0) }
    }

    /// Returns the fields of a name that is not a known one, given in lower case.
    package func fields(named name: StaticString) -> [FieldSpan] {
        withBytes { bytes in
            fields.filter {
                $0.known == .other && TokenList.equal(UnsafeRawBufferPointer(rebasing: bytes[$0.name]), name)
            }
        }
    }

    /// Gives the head's bytes, offset 0 being the first byte of the head.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeReadableBytes(body)
    }

    /// Returns a range of the head as text; bytes that are not UTF-8 are replaced.
    package func string(_ range: Range<Int>) -> String {
        bytes.getString(at: bytes.readerIndex + range.lowerBound, length: range.count) ?? ""
    }

    /// Returns a range of the head without copying.
    package func slice(_ range: Range<Int>) -> ByteBuffer {
        bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }

    /// Whether a `Connection` field names this field, which makes it hop-by-hop (RFC 9110 §7.6.1).
    package func isNominated(_ span: FieldSpan) -> Bool {
        guard hasNominations else { return false }
        return withBytes { bytes in
            let name = UnsafeRawBufferPointer(rebasing: bytes[span.name])
            return fields.contains { field in
                field.known == .connection
                    && TokenList(UnsafeRawBufferPointer(rebasing: bytes[field.value])).contains(name)
            }
        }
    }
}
