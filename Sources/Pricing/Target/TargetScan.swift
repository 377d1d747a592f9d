/// One pass over path and query: finds what must be refused, rewritten or doubted.
struct TargetScan {
    private let bytes: UnsafeRawBufferPointer
    private let policy: CanonicalPolicy
    private var index: Int
    private var segmentStart: Int
    private var lastDot = -2
    private var spaceEnd = -1

    private(set) var pathEnd: Int
    private(set) var query: Range<Int>?
    private(set) var doubts: TargetDoubts = []
    private(set) var needsRewriting = false

    init(bytes: UnsafeRawBufferPointer, start: Int, policy: CanonicalPolicy) {
        self.bytes = bytes
        self.policy = policy
        self.index = start
        self.segmentStart = start
        self.pathEnd = start
    }

    /// Reads the target to its end; nil when it may pass.
    mutating func run() -> TargetRefusal? {
        let start = index
        if index < bytes.count, bytes[index] == UInt8(ascii: "/") {
            index &+= 1
            segmentStart = index
        }
        if let refusal = path() { return refusal }
        pathEnd = index
        if index > start, let refusal = endSegment(isLast: true) { return refusal }
        guard index < bytes.count else { return nil }
        return queryPart()
    }

    private mutating func path() -> TargetRefusal? {
        let bytes = self.bytes
        while true {
            // A local position stays in a register over the bytes that mean nothing.
            var position = index
            while position < bytes.count, PathByte.isPlain(bytes[position]) { position &+= 1 }
            index = position
            guard position < bytes.count else { return nil }
            switch bytes[position] {
            case UInt8(ascii: "/"):
                if let refusal = endSegment(isLast: false) { return refusal }
                segmentStart = position &+ 1
            case UInt8(ascii: "."):
                // A suffix behind a dot or a space leaves an edge when it is cut off.
                if position > segmentStart, lastDot &+ 1 == position || spaceEnd == position { doubts.insert(.edge) }
                lastDot = position
            case UInt8(ascii: "%"):
                if let refusal = percent() { return refusal }
                continue
            case UInt8(ascii: "?"): return nil
            case UInt8(ascii: "+"): doubts.insert(.plus)
            case UInt8(ascii: ";"): doubts.insert(.pathParameter)
            default: return PathByte.refusal(of: bytes[position])
            }
            index &+= 1
        }
    }

    /// Judges the segment that ends before `index`; only the last may be empty.
    private mutating func endSegment(isLast: Bool) -> TargetRefusal? {
        let count = index &- segmentStart
        if count == 0 { return isLast ? nil : .emptySegment }
        if bytes[index &- 1] == UInt8(ascii: ".") {
            if count == 1 || (count == 2 && bytes[segmentStart] == UInt8(ascii: ".")) { return .dotSegment }
            doubts.insert(.edge)
        }
        if spaceEnd == index { doubts.insert(.edge) }
        let isFinal = isLast || index &+ 1 == bytes.count || bytes[index &+ 1] == UInt8(ascii: "?")
        if isFinal, lastDot > segmentStart { doubts.insert(.suffix) }
        return nil
    }

    private mutating func percent() -> TargetRefusal? {
        guard let decoded = PercentByte.decode(bytes, at: index) else { return .badPercent }
        if decoded >= 0x80 { return unicode(lead: decoded) }
        switch decoded {
        case 0: return .nul
        case 1..<0x20, 0x7F: return .control
        case UInt8(ascii: "."): return .encodedDot
        case UInt8(ascii: "\\"): return .backslash
        case UInt8(ascii: "/"):
            guard policy.encodedSlash == .keep else { return .encodedSlash }
            doubts.insert(.encodedSlash)
        case UInt8(ascii: "?"), UInt8(ascii: "#"): doubts.insert(.encodedDelimiter)
        case UInt8(ascii: ";"): doubts.insert(.pathParameter)
        case UInt8(ascii: "+"): doubts.insert(.plus)
        case UInt8(ascii: " "):
            if index == segmentStart { doubts.insert(.edge) }
            spaceEnd = index &+ 3
        case UInt8(ascii: "%"):
            if isDecodableAgain(after: index &+ 3) { return .doubleEncoding }
        default:
            if PercentByte.isUnreserved(decoded) { needsRewriting = true }
        }
        index &+= 3
        return nil
    }

    /// Whether a percent sign before `start` would begin an encoding once the path is decoded (`%41`, or `%u0041`).
    private func isDecodableAgain(after start: Int) -> Bool {
        let (first, next) = decodedByte(at: start)
        guard let first else { return false }
        guard first | 0x20 == UInt8(ascii: "u") || AuthorityByte.isHex(first) else { return false }
        guard let second = decodedByte(at: next).byte else { return false }
        return AuthorityByte.isHex(second)
    }

    private func decodedByte(at index: Int) -> (byte: UInt8?, next: Int) {
        guard index < bytes.count else { return (nil, index) }
        guard bytes[index] == UInt8(ascii: "%") else { return (bytes[index], index + 1) }
        return (PercentByte.decode(bytes, at: index), index + 3)
    }

    /// Reads one percent-encoded scalar beyond ASCII (Unicode 15 table 3-7: the well-formed byte sequences).
    private mutating func unicode(lead: UInt8) -> TargetRefusal? {
        let count: Int
        switch lead {
        case 0xC0, 0xC1: return .overlongUTF8
        case 0xC2...0xDF: count = 2
        case 0xE0...0xEF: count = 3
        case 0xF0...0xF4: count = 4
        default: return .brokenUTF8
        }
        var scalar = UInt32(lead) & (0x7F >> UInt32(count))
        for offset in 1..<count {
            let at = index &+ 3 &* offset
            guard at < bytes.count, bytes[at] == UInt8(ascii: "%") else { return .brokenUTF8 }
            guard let next = PercentByte.decode(bytes, at: at) else { return .badPercent }
            guard next & 0xC0 == 0x80 else { return .brokenUTF8 }
            scalar = scalar << 6 | UInt32(next & 0x3F)
        }
        if count == 3, scalar < 0x800 { return .overlongUTF8 }
        if count == 4, scalar < 0x10000 { return .overlongUTF8 }
        guard Unicode.Scalar(scalar) != nil else { return .brokenUTF8 }
        if scalar < 0xA0 { return .control }
        if Lookalike.isDelimiter(scalar) { return .lookalike }
        doubts.insert(.unicode)
        index &+= 3 &* count
        return nil
    }

    private mutating func queryPart() -> TargetRefusal? {
        let start = index &+ 1
        var position = start
        while position < bytes.count {
            let byte = bytes[position]
            guard PathByte.mayStandInQuery(byte) else { return PathByte.refusal(of: byte) }
            position &+= 1
        }
        index = position
        query = start..<position
        return nil
    }
}

/// Bytes of a target by what they may mean.
enum PathByte {
    // One bit per ASCII byte; a bitmap in registers costs less than a table behind a lazily initialised global.
    private static var plainLow: UInt64 { 0x27FF_37D2_0000_0000 }
    private static var plainHigh: UInt64 { 0x47FF_FFFE_87FF_FFFF }

    /// RFC 3986 `pchar` without `%`, `.`, `+` and `;`.
    @inline(__always)
    static func isPlain(_ byte: UInt8) -> Bool {
        let bits = byte < 64 ? plainLow : (byte < 128 ? plainHigh : 0)
        return (bits &>> UInt64(byte & 63)) & 1 == 1
    }

    /// Visible ASCII but `"`, `\`, `#`; browsers send `|`, `{` and their like unescaped.
    @inline(__always)
    static func mayStandInQuery(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            && byte != UInt8(ascii: "#")
    }

    /// Why a raw byte cannot stand in a target.
    static func refusal(of byte: UInt8) -> TargetRefusal {
        switch byte {
        case 0: .nul
        case 1..<0x20, 0x7F: .control
        case 0x80...: .nonASCII
        case UInt8(ascii: "#"): .fragment
        case UInt8(ascii: "\\"): .backslash
        default: .badCharacter
        }
    }
}

/// Characters that best-fit mappings and compatibility forms turn into path delimiters.
enum Lookalike {
    /// Unicode NFKC and the best-fit tables of Windows code pages map each of these to `/`, `\` or `.`.
    static func isDelimiter(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x2044, 0x2215, 0x29F8, 0xFF0F: true
        case 0x2216, 0x29F5, 0x29F9, 0xFE68, 0xFF3C: true
        case 0x2024, 0x2025, 0xFE52, 0xFF0E: true
        default: false
        }
    }
}
