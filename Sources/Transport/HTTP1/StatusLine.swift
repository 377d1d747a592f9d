/// A status line taken apart (RFC 9112 §4).
struct StatusLine {
    var outcome: RequestLine.Outcome
    var status = 0
    var reason = 0..<0
    var isHTTP10 = false

    /// Reads `HTTP-version SP 3DIGIT [SP reason] CRLF` at offset 0.
    ///
    /// The space before an empty reason may be missing, as many servers leave it out.
    static func scan(_ base: UnsafePointer<UInt8>, _ count: Int) -> StatusLine {
        guard count >= 14 else { return StatusLine(outcome: tooShort(base, count)) }
        let word = UInt64(littleEndian: UnsafeRawPointer(base).loadUnaligned(as: UInt64.self))
        guard word == VersionWord.http11 || word == VersionWord.http10 else {
            let isVersion = VersionWord.isVersion(base)
            return StatusLine(outcome: isVersion ? .refused(.versionNotSupported) : invalid)
        }
        guard base[8] == 0x20, let status = digits(base + 9), status >= 100 else { return StatusLine(outcome: invalid) }
        var line = StatusLine(outcome: .incomplete, status: status, isHTTP10: word == VersionWord.http10)
        var start = 12
        if base[12] == 0x20 {
            start = 13
        } else if base[12] != 0x0d {
            return StatusLine(outcome: invalid)
        }
        let end = FieldScanner.endOfText(base, start, count)
        guard end &+ 1 < count else {
            if end < count, base[end] != 0x0d { line.outcome = invalid }
            return line
        }
        guard base[end] == 0x0d, base[end &+ 1] == 0x0a else { return StatusLine(outcome: invalid) }
        line.reason = start..<end
        line.outcome = .complete(end &+ 2)
        return line
    }

    private static var invalid: RequestLine.Outcome { .refused(.malformed("invalid status line")) }

    /// The shortest status line has 14 bytes, so an earlier line end is wrong.
    private static func tooShort(_ base: UnsafePointer<UInt8>, _ count: Int) -> RequestLine.Outcome {
        for index in 0..<count where base[index] == 0x0a { return invalid }
        return .incomplete
    }

    private static func digits(_ base: UnsafePointer<UInt8>) -> Int? {
        var value = 0
        for index in 0..<3 {
            let digit = base[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int(digit)
        }
        return value
    }
}
