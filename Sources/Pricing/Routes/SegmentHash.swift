/// A hash of a decoded segment in which letter case makes no difference, finished for its place in the tree.
///
/// Eight bytes go in at a time. Setting bit 5 folds letters, and some signs with them: who finds a hash compares bytes.
struct SegmentHash {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    /// Up to seven bytes that wait for an eighth.
    private var pending: UInt64 = 0
    private var pendingBits: UInt64 = 0

    private static var fold: UInt64 { 0x2020_2020_2020_2020 }
    private static var lowBits: UInt64 { 0x0101_0101_0101_0101 }
    private static var highBits: UInt64 { 0x8080_8080_8080_8080 }

    @inline(__always)
    mutating func add(_ byte: UInt8) {
        pending |= UInt64(byte | 0x20) &<< pendingBits
        pendingBits &+= 8
        if pendingBits == 64 {
            mix(pending)
            pending = 0
            pendingBits = 0
        }
    }

    @inline(__always)
    private mutating func mix(_ word: UInt64) {
        state = (state ^ word) &* 0xD6E8_FEB8_6659_FD93
        state ^= state &>> 32
    }

    /// The hash of the segment under one node: its high bits choose the slot.
    @inline(__always)
    func value(under parent: Int32) -> UInt64 {
        let place = UInt64(UInt32(bitPattern: parent)) &+ (pendingBits &<< 32)
        return ((state ^ pending) &+ place &* 0xC2B2_AE3D_27D4_EB4F) &* 0x9FB2_1C65_1E98_DF25
    }

    /// Adds the bytes from `start` up to the next slash and returns where that is; percent-encodings are decoded.
    @inline(__always)
    mutating func addSegment(of path: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 8 <= end {
            let word = UInt64(littleEndian: path.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let stops = Self.marks(of: UInt8(ascii: "/"), in: word) | Self.marks(of: UInt8(ascii: "%"), in: word)
            guard stops == 0 else {
                // The lowest mark is exact; marks above it need not be.
                let bits = UInt64(stops.trailingZeroBitCount) & ~7
                guard path[index &+ Int(bits / 8)] == UInt8(ascii: "/") else { break }
                if bits > 0 {
                    pending = (word | Self.fold) & ((1 &<< bits) &- 1)
                    pendingBits = bits
                }
                return index &+ Int(bits / 8)
            }
            mix(word | Self.fold)
            index &+= 8
        }
        while index < end, path[index] != UInt8(ascii: "/") { add(Self.next(path, &index)) }
        return index
    }

    /// The high bit of each byte that equals the given one, exact up to the first (Warren, Hacker's Delight §6-1).
    @inline(__always)
    private static func marks(of byte: UInt8, in word: UInt64) -> UInt64 {
        let difference = word ^ (lowBits &* UInt64(byte))
        return (difference &- lowBits) & ~difference & highBits
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
