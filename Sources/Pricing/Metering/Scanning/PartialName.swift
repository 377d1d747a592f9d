/// A member's name as far as it was read, held as the paths that it may still be.
struct PartialName {
    private var candidates: UInt16 = 0
    /// Bytes read, with escapes undone.
    private var count = 0
    private var unit: UInt32 = 0
    private var hexLeft = 0
    private var high: UInt32 = 0

    enum OnHex { case more, ended, broken }

    init(candidates: UInt16 = 0) { self.candidates = candidates }

    mutating func take(_ byte: UInt8, _ paths: UsagePathSet, depth: Int) {
        // Half a surrogate pair is no character.
        if high != 0 { candidates = 0 }
        append(byte, paths, depth: depth)
    }

    /// Undoes a short escape; false where there is none of this letter.
    mutating func escape(_ letter: UInt8, _ paths: UsagePathSet, depth: Int) -> Bool {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): take(letter, paths, depth: depth)
        case UInt8(ascii: "b"): take(0x08, paths, depth: depth)
        case UInt8(ascii: "f"): take(0x0C, paths, depth: depth)
        case UInt8(ascii: "n"): take(0x0A, paths, depth: depth)
        case UInt8(ascii: "r"): take(0x0D, paths, depth: depth)
        case UInt8(ascii: "t"): take(0x09, paths, depth: depth)
        default: return false
        }
        return true
    }

    mutating func beginUnicode() { (unit, hexLeft) = (0, 4) }

    /// Takes one of the four digits of `\uXXXX`.
    mutating func hex(_ byte: UInt8, _ paths: UsagePathSet, depth: Int) -> OnHex {
        let digit: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- UInt8(ascii: "A") &+ 10
        default: return .broken
        }
        unit = unit << 4 | UInt32(digit)
        hexLeft &-= 1
        guard hexLeft == 0 else { return .more }
        unitEnded(paths, depth: depth)
        return .ended
    }

    private mutating func unitEnded(_ paths: UsagePathSet, depth: Int) {
        switch (high, unit & 0xFC00) {
        case (0, 0xD800): high = unit
        case (1..., 0xDC00):
            append(scalar: 0x10000 + ((high & 0x3FF) << 10 | unit & 0x3FF), paths, depth: depth)
            high = 0
        case (1..., _): candidates = 0
        default: append(scalar: unit, paths, depth: depth)
        }
    }

    private mutating func append(scalar: UInt32, _ paths: UsagePathSet, depth: Int) {
        guard let scalar = Unicode.Scalar(scalar), let bytes = UTF8.encode(scalar) else {
            candidates = 0
            return
        }
        for byte in bytes { append(byte, paths, depth: depth) }
    }

    private mutating func append(_ byte: UInt8, _ paths: UsagePathSet, depth: Int) {
        if candidates != 0 { candidates = paths.matching(byte: byte, at: count, of: candidates, depth: depth) }
        count &+= 1
    }

    /// The paths that the whole name belongs to.
    func finish(_ paths: UsagePathSet, depth: Int) -> UInt16 {
        candidates == 0 || high != 0 ? 0 : paths.matching(length: count, of: candidates, depth: depth)
    }
}
