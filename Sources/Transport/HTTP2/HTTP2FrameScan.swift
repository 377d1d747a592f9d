/// Follows the frames of a peer by their headers alone (RFC 9113 §4.1).
struct HTTP2FrameScan {
    /// The header of one frame.
    struct Frame: Equatable {
        var length: Int
        var type: UInt8
        var flags: UInt8

        static let data: UInt8 = 0x0
        static let headers: UInt8 = 0x1
        static let settings: UInt8 = 0x4
        static let pushPromise: UInt8 = 0x5
        static let continuation: UInt8 = 0x9
        /// END_STREAM of DATA and HEADERS.
        static let endStream: UInt8 = 0x1
        /// END_HEADERS of HEADERS and CONTINUATION.
        static let endHeaders: UInt8 = 0x4
    }

    static let prefaceBytes = 24
    private static let headerBytes = 9

    /// Bytes to pass before the next header: the rest of a payload, or of the preface.
    private var rest: Int
    // The first eight bytes of a header that is not complete.
    private var word: UInt64 = 0
    private var have = 0

    /// - Parameter skipping: Bytes that stand before the first frame.
    init(skipping: Int = HTTP2FrameScan.prefaceBytes) {
        rest = skipping
    }

    /// Calls `body` for each header that is complete with these bytes, until it returns false.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, _ body: (Frame) -> Bool) -> Bool {
        var index = 0
        while index < bytes.count {
            if rest > 0 {
                let step = min(rest, bytes.count &- index)
                rest &-= step
                index &+= step
                continue
            }
            if have == 0, bytes.count &- index >= Self.headerBytes {
                word = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                index &+= Self.headerBytes
            } else {
                if have < 8 { word = word &<< 8 | UInt64(bytes[index]) }
                have &+= 1
                index &+= 1
                guard have == Self.headerBytes else { continue }
                have = 0
            }
            let frame = Frame(
                length: Int(word &>> 40), type: UInt8(truncatingIfNeeded: word &>> 32),
                flags: UInt8(truncatingIfNeeded: word &>> 24))
            rest = frame.length
            if !body(frame) { return false }
        }
        return true
    }
}
