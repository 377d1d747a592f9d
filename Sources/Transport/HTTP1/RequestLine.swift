/// A request line taken apart (RFC 9112 §3).
struct RequestLine {
    /// How far the line could be read.
    enum Outcome {
        /// The line ends at this offset.
        case complete(Int)
        case incomplete
        case refused(HeadRefusal)
    }

    var outcome: Outcome
    var method: Method = .other
    var methodRange = 0..<0
    var targetRange = 0..<0
    var isHTTP10 = false

    /// Reads `method SP request-target SP HTTP-version CRLF` at offset 0; no other white space is accepted.
    @inline(__always)
    static func scan(
        _ base: UnsafePointer<UInt8>, _ count: Int, tables: HeadTables, maxTargetBytes: Int
    ) -> RequestLine {
        var index = 0
        while index < count, tables.token[Int(base[index])] != 0 { index &+= 1 }
        guard index < count else { return RequestLine(outcome: .incomplete) }
        guard base[index] == 0x20, index > 0 else {
            return RequestLine(outcome: .refused(.malformed("invalid method")))
        }
        let methodEnd = index
        let targetStart = index &+ 1
        index = endOfTarget(base, targetStart, count)
        guard index &- targetStart <= maxTargetBytes else { return RequestLine(outcome: .refused(.targetTooLong)) }
        guard index < count else { return RequestLine(outcome: .incomplete) }
        guard base[index] == 0x20, index > targetStart else {
            return RequestLine(outcome: .refused(.malformed("invalid request target")))
        }
        let (outcome, isHTTP10) = version(base, index &+ 1, count)
        return RequestLine(
            outcome: outcome, method: Method(base, methodEnd), methodRange: 0..<methodEnd,
            targetRange: targetStart..<index, isHTTP10: isHTTP10)
    }

    /// Reads `HTTP-version CRLF`.
    @inline(__always)
    private static func version(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int
    ) -> (Outcome, isHTTP10: Bool) {
        guard start &+ 10 <= count else { return (shortVersion(base, start, count), false) }
        let word = UInt64(littleEndian: UnsafeRawPointer(base + start).loadUnaligned(as: UInt64.self))
        guard base[start &+ 8] == 0x0d, base[start &+ 9] == 0x0a else {
            return (.refused(VersionWord.invalid), false)
        }
        if word == VersionWord.http11 { return (.complete(start &+ 10), false) }
        if word == VersionWord.http10 { return (.complete(start &+ 10), true) }
        return (.refused(VersionWord.isVersion(base + start) ? .versionNotSupported : VersionWord.invalid), false)
    }

    /// Judges a version that is shorter than any, as long as no line end shows that it stays so.
    private static func shortVersion(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Outcome {
        for index in start..<max(start, count) where base[index] == 0x0a {
            return .refused(VersionWord.invalid)
        }
        return .incomplete
    }

    /// Returns the first byte from `start` on that is not visible ASCII, eight bytes at a time.
    @inline(__always)
    private static func endOfTarget(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        var index = start
        while index &+ 8 <= count {
            let word = UInt64(littleEndian: UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
            let low = (word &- 0x2121_2121_2121_2121) & ~word
            let high = word | (word &+ 0x0101_0101_0101_0101)
            let marks = (low | high) & 0x8080_8080_8080_8080
            if marks != 0 { return index &+ (marks.trailingZeroBitCount &>> 3) }
            index &+= 8
        }
        while index < count, base[index] > 0x20, base[index] < 0x7f { index &+= 1 }
        return index
    }
}

/// The eight bytes of an HTTP version as one word.
enum VersionWord {
    static let http11: UInt64 = 0x312e_312f_5054_5448
    static let http10: UInt64 = 0x302e_312f_5054_5448

    static var invalid: HeadRefusal { .malformed("invalid version") }

    /// Whether the bytes are `HTTP/`, a digit, a point and a digit.
    static func isVersion(_ base: UnsafePointer<UInt8>) -> Bool {
        let pattern: StaticString = "HTTP/#.#"
        for index in 0..<8 {
            let expected = pattern.utf8Start[index]
            if expected == UInt8(ascii: "#") {
                guard base[index] &- UInt8(ascii: "0") <= 9 else { return false }
            } else if base[index] != expected {
                return false
            }
        }
        return true
    }
}

extension Method {
    /// Reads a method token; case matters.
    @inline(__always)
    init(_ base: UnsafePointer<UInt8>, _ length: Int) {
        var word: UInt64 = 0
        if length <= 7 {
            for index in 0..<length { word |= UInt64(base[index]) &<< UInt64(index &* 8) }
        }
        switch word {
        case 0x0054_4547: self = .get
        case 0x4441_4548: self = .head
        case 0x5453_4f50: self = .post
        case 0x0054_5550: self = .put
        case 0x0048_4354_4150: self = .patch
        case 0x4554_454c_4544: self = .delete
        case 0x0053_4e4f_4954_504f: self = .options
        case 0x0045_4341_5254: self = .trace
        case 0x0054_4345_4e4e_4f43: self = .connect
        default: self = .other
        }
    }
}
