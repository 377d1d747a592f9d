#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Tells events that cannot have usage, which are not looked into.
///
/// A name that is looked for stands in a JSON text as it is, with a quote behind it, or with an escape. Where neither what all
/// names end in nor a backslash is, no path ends.
struct QuietEvents: Sendable {
    /// What stands wherever a path could end: as few as the names allow.
    private let needles: [[UInt8]]
    /// Whether `usage` itself matters, for events that carry nothing else.
    private let looksForUsage: Bool

    private static let maximumNeedles = 4
    private static let shortestSuffix = 4
    private static let usage = Array("usage\"".utf8)
    private static let null = Array(":null".utf8)

    /// Nil where no few bytes stand for the paths.
    init?(_ paths: [UsagePath], ignoresCase: Bool, marksHidden: Bool) {
        var names: [[UInt8]] = []
        for path in paths {
            guard case .name(let name)? = path.segments.last, !ignoresCase else { return nil }
            if !names.contains(name) { names.append(name) }
        }
        guard var suffix = names.first else { return nil }
        for name in names { suffix = Self.sharedSuffix(suffix, name) }
        if suffix.count >= Self.shortestSuffix { names = [suffix] }
        guard names.count <= Self.maximumNeedles else { return nil }
        needles = names.map { $0 + [UInt8(ascii: "\"")] }
        looksForUsage = marksHidden
    }

    private static func sharedSuffix(_ one: [UInt8], _ two: [UInt8]) -> [UInt8] {
        var count = 0
        while count < min(one.count, two.count), one[one.count - 1 - count] == two[two.count - 1 - count] { count += 1 }
        return Array(one.suffix(count))
    }

    /// What is known of one piece.
    struct Search {
        /// The next place of each thing that matters, from where it was last looked for.
        fileprivate var next = SIMD8<Int>(repeating: -1)
        /// Before this place no event is known to end.
        fileprivate var barren = 0
    }

    /// The end of the last event from `position` on that cannot have usage, and before which none can; nil where there is none.
    func quietEnd(in bytes: UnsafeRawBufferPointer, from position: Int, _ search: inout Search) -> Int? {
        guard position >= search.barren else { return nil }
        var limit = bytes.count
        for (index, needle) in needles.enumerated() {
            if search.next[index] < position { search.next[index] = Self.find(needle, in: bytes, from: position) }
            limit = min(limit, search.next[index])
        }
        let escapes = needles.count
        if search.next[escapes] < position {
            search.next[escapes] = Self.find(UInt8(ascii: "\\"), in: bytes, from: position)
        }
        limit = min(limit, search.next[escapes])
        if looksForUsage {
            if search.next[escapes + 1] < position {
                search.next[escapes + 1] = Self.findUsage(in: bytes, from: position)
            }
            limit = min(limit, search.next[escapes + 1])
        }
        var end = limit
        while end >= position + 2 {
            if bytes[end &- 1] == 0x0A, bytes[end &- 2] == 0x0A { return end }
            end &-= 1
        }
        search.barren = limit
        return nil
    }

    /// Where a `usage` stands that is more than null, or may be.
    private static func findUsage(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while true {
            position = find(usage, in: bytes, from: position)
            let value = position &+ usage.count
            guard value &+ null.count <= bytes.count, starts(null, in: bytes, at: value) else { return position }
            position = value
        }
    }

    private static func find(_ needle: [UInt8], in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while true {
            position = find(needle[0], in: bytes, from: position)
            // A needle that is cut off by the end of the piece stands behind the last end of a line in it.
            if position &+ needle.count > bytes.count { return bytes.count }
            if starts(needle, in: bytes, at: position) { return position }
            position &+= 1
        }
    }

    private static func starts(_ needle: [UInt8], in bytes: UnsafeRawBufferPointer, at place: Int) -> Bool {
        for index in needle.indices where bytes[place &+ index] != needle[index] { return false }
        return true
    }

    private static func find(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + start, Int32(byte), bytes.count &- start)
        else { return bytes.count }
        return UnsafeRawPointer(found) - base
    }
}
