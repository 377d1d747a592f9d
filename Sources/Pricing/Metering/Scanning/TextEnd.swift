/// Where a JSON string ends, as far as a piece shows it.
enum TextEnd {
    /// Behind the closing quote.
    case closed(Int)
    case open
    /// The piece ends behind a backslash.
    case escape

    /// Looks for the closing quote; eight bytes at a time.
    @inline(__always)
    static func find(in bytes: UnsafeRawBufferPointer, from start: Int) -> TextEnd {
        var position = start
        while true {
            position = stop(in: bytes, from: position)
            guard position < bytes.count else { return .open }
            if bytes[position] == UInt8(ascii: "\"") { return .closed(position &+ 1) }
            position &+= 2
            if position > bytes.count { return .escape }
        }
    }

    /// The first quote or backslash from `start` on, else the end.
    @inline(__always)
    static func stop(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while position &+ 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            let stops = hits(word)
            if stops != 0 { return position &+ stops.trailingZeroBitCount / 8 }
            position &+= 8
        }
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return position }
            position &+= 1
        }
        return position
    }

    /// Top bits of the bytes that are quote or backslash; exact up to the first.
    @inline(__always)
    private static func hits(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        return ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash) & (ones &* 0x80)
    }
}
