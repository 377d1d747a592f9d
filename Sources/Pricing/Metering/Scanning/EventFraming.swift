#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The framing of an event stream (WHATWG HTML §9.2.5): lines, and empty lines that end events.
///
/// Lines end in LF, CR or both. Of the fields only `data` is looked at.
struct EventFraming {
    /// What comes next in a piece.
    enum Step: Equatable {
        /// Bytes of an event's data.
        case data(Range<Int>)
        /// Another line of data begins in the same event: its data has a line feed here.
        case lineFeed
        /// A line that is no data, or not yet known to be, has begun or ended; nothing of it matters.
        case other
        /// The event ends before this place.
        case eventEnd(Int)
        /// The second half of a line end belongs to the event before it.
        case lateLineFeed(Int)
    }

    private enum Line: UInt8 { case start, name, space, data, other }

    private static let field: StaticString = "data"

    private var line = Line.start
    private var matched = 0
    private var isBehindReturn = false
    private var isBehindEvent = false
    /// Bytes of a byte order mark that were seen, three when it cannot come any more.
    private var mark = 0
    /// Whether the event at hand has a line of data.
    private(set) var hasData = false

    /// Whether a line begins, and nothing of an event's data was seen.
    var isBetweenEvents: Bool { line == .start && !hasData && !isBehindReturn && mark == 3 }

    /// Whether the line at hand may be one of data.
    var mayBeData: Bool { line == .name || line == .space || line == .data }

    /// Takes the next step and moves `position` behind it.
    @inline(__always)
    mutating func next(in bytes: UnsafeRawBufferPointer, at position: inout Int) -> Step {
        switch line {
        case .start: return start(bytes, &position)
        case .name: return name(bytes, &position)
        case .space:
            if bytes[position] == 0x20 { position &+= 1 }
            line = .data
            let isFurther = hasData
            hasData = true
            return isFurther ? .lineFeed : .other
        case .data:
            let first = position
            return .data(first..<endLine(bytes, &position))
        case .other:
            _ = endLine(bytes, &position)
            return .other
        }
    }

    @inline(__always)
    private mutating func start(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Step {
        let byte = bytes[position]
        if isBehindReturn {
            isBehindReturn = false
            if byte == 0x0A {
                position &+= 1
                return isBehindEvent ? .lateLineFeed(position) : .other
            }
        }
        if mark < 3 {
            let expected: UInt8 = mark == 0 ? 0xEF : mark == 1 ? 0xBB : 0xBF
            if byte == expected {
                mark &+= 1
                position &+= 1
                return .other
            }
            mark = 3
        }
        if byte == 0x0A || byte == 0x0D {
            isBehindReturn = byte == 0x0D
            isBehindEvent = true
            position &+= 1
            hasData = false
            return .eventEnd(position)
        }
        isBehindEvent = false
        line = .name
        matched = 0
        return .other
    }

    @inline(__always)
    private mutating func name(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Step {
        while position < bytes.count {
            let byte = bytes[position]
            if matched == Self.field.utf8CodeUnitCount {
                line = byte == UInt8(ascii: ":") ? .space : .other
                if line == .space { position &+= 1 }
                return .other
            }
            guard byte == Self.field.utf8Start[matched] else {
                line = .other
                return .other
            }
            matched &+= 1
            position &+= 1
        }
        return .other
    }

    /// Moves behind the line's end, where the piece shows it; returns where its bytes end.
    @inline(__always)
    private mutating func endLine(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Int {
        let end = LineEnd.find(in: bytes, from: position)
        position = end
        guard end < bytes.count else { return end }
        isBehindReturn = bytes[end] == 0x0D
        line = .start
        position = end &+ 1
        return end
    }
}

/// Looks for line ends.
enum LineEnd {
    /// The first CR or LF from `start` on, else the end.
    @inline(__always)
    static func find(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let end = lineFeed(in: bytes, from: start)
        guard let base = bytes.baseAddress, let found = memchr(base + start, 0x0D, end &- start) else { return end }
        return UnsafeRawPointer(found) - base
    }

    /// The first LF from `start` on, else the end.
    @inline(__always)
    static func lineFeed(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = bytes.baseAddress, let found = memchr(base + start, 0x0A, bytes.count &- start) else {
            return bytes.count
        }
        return UnsafeRawPointer(found) - base
    }
}
