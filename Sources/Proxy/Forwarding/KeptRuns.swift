import NIOCore
import Transport

/// Copies the field lines of a head that are kept, in as few pieces as they lie in.
enum KeptRuns {
    /// Appends every line whose field is not `withheld`, nor named in `Connection`.
    ///
    /// `Host` stays even if it is named: without it the upstream would choose another site than the one that was priced.
    ///
    /// - Parameter start: Where the first run may begin: 0 to take the first line along, else the first field's offset.
    @inline(__always)
    static func append<Head: HeadBytes>(
        of head: Head, from start: Int, withheld: FieldSet, policy: ReturnPolicy? = nil, to buffer: inout ByteBuffer
    ) {
        let scrubs = policy?.scrubbedNames.isEmpty == false

        head.withBytes { bytes in
            // The empty line at the end of the head is not copied.
            let end = bytes.count &- 2
            if head.present & withheld.bits == 0, !head.hasNominations, !scrubs {
                buffer.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                return
            }
            var runStart = start
            for field in head.fields {
                guard
                    withheld.contains(field.known) || isDropped(field, of: head)
                        || scrubs && policy?.drops(UnsafeRawBufferPointer(rebasing: bytes[field.name])) == true
                else { continue }
                let line = field.line
                if line.lowerBound > runStart {
                    buffer.append(UnsafeRawBufferPointer(rebasing: bytes[runStart..<line.lowerBound]))
                }
                runStart = line.upperBound
            }
            if end > runStart { buffer.append(UnsafeRawBufferPointer(rebasing: bytes[runStart..<end])) }
        }
    }

    @inline(__always)
    private static func isDropped<Head: HeadBytes>(_ field: FieldSpan, of head: Head) -> Bool {
        head.hasNominations && field.known != .host && head.isNominated(field)
    }
}
