/// A hash of a decoded, case-folded segment (FNV-1a), finished for its place in the tree.
struct SegmentHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    @inline(__always)
    mutating func add(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    /// The hash of the segment under one node: its high bits choose the slot.
    @inline(__always)
    func value(under parent: Int32) -> UInt64 {
        (state ^ (UInt64(UInt32(bitPattern: parent)) &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93
    }

    /// Adds the segment from `start` and returns where it ends.
    @inline(__always)
    mutating func addSegment(of path: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end, path[index] != UInt8(ascii: "/") {
            add(PathFold.lower(Self.next(path, &index)))
        }
        return index
    }

    /// The decoded byte at `index`, which moves past it; a percent sign that begins no encoding is itself.
    @inline(__always)
    static func next(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) -> UInt8 {
        let byte = bytes[index]
        if byte == UInt8(ascii: "%"), let decoded = PercentByte.decode(bytes, at: index) {
            index &+= 3
            return decoded
        }
        index &+= 1
        return byte
    }

    @inline(__always)
    static func segmentEnd(of path: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end, path[index] != UInt8(ascii: "/") { index &+= 1 }
        return index
    }
}
