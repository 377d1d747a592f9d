/// Finds the field lines of a head or trailer section, over raw bytes.
///
/// All offsets count from the first byte of the section's message. A line that is not complete yet is looked at twice
/// at most, however many pieces it arrives in.
struct FieldScanner {
    /// What stands at the start of a line.
    enum Line {
        case field(FieldSpan)
        /// The empty line; the section's end lies at this offset.
        case end(Int)
        case incomplete
        case refused(HeadRefusal)
    }

    let tables: HeadTables
    /// Where the line in progress starts.
    var cursor = 0
    /// Up to where the line in progress is known to have no LF.
    private var searched = 0

    init(tables: HeadTables) {
        self.tables = tables
    }

    /// Whether some of the section has been seen.
    var isPartial: Bool { cursor > 0 || searched > 0 }

    /// Starts a section at an offset.
    mutating func start(at offset: Int) {
        cursor = offset
        searched = offset
    }

    /// Whether it pays to look at the line in progress: it is new, complete, or as long as it may get.
    @inline(__always)
    mutating func isWorthLooking(_ base: UnsafePointer<UInt8>, _ count: Int, isFull: Bool) -> Bool {
        if searched <= cursor || isFull { return true }
        var index = searched
        while index < count {
            if base[index] == 0x0a { return true }
            index &+= 1
        }
        searched = count
        return false
    }

    /// Notes that the line in progress is not complete in the bytes so far.
    @inline(__always)
    mutating func ranOut(at count: Int) {
        searched = count
    }

    /// Reads the line at `cursor`; the caller moves the cursor on.
    @inline(__always)
    func line(_ base: UnsafePointer<UInt8>, _ count: Int) -> Line {
        let start = cursor
        guard start < count else { return .incomplete }
        var index = start
        while index < count, tables.token[Int(base[index])] != 0 { index &+= 1 }
        guard index < count else { return .incomplete }
        guard base[index] == UInt8(ascii: ":"), index > start else {
            return Self.notAField(base, start, index, count)
        }
        let nameEnd = index
        index &+= 1
        while index < count, Self.isBlank(base[index]) { index &+= 1 }
        let valueStart = index
        index = Self.endOfText(base, index, count)
        guard index &+ 1 < count else {
            return index < count && base[index] != 0x0d ? .refused(Self.badValueByte(base[index])) : .incomplete
        }
        guard base[index] == 0x0d, base[index &+ 1] == 0x0a else {
            return .refused(Self.badValueByte(base[index]))
        }
        var valueEnd = index
        while valueEnd > valueStart, Self.isBlank(base[valueEnd &- 1]) { valueEnd &-= 1 }
        return .field(
            FieldSpan(
                start: Int32(truncatingIfNeeded: start), nameEnd: Int32(truncatingIfNeeded: nameEnd),
                valueStart: Int32(truncatingIfNeeded: valueStart), valueEnd: Int32(truncatingIfNeeded: valueEnd),
                end: Int32(truncatingIfNeeded: index &+ 2),
                known: tables.known(base + start, nameEnd &- start, available: count &- start)))
    }

    /// Judges a line whose name does not run up to a colon.
    private static func notAField(_ base: UnsafePointer<UInt8>, _ start: Int, _ stop: Int, _ count: Int) -> Line {
        let byte = base[stop]
        if stop == start {
            switch byte {
            case 0x0d:
                guard stop &+ 1 < count else { return .incomplete }
                return base[stop &+ 1] == 0x0a ? .end(stop &+ 2) : .refused(.malformed("bare CR"))
            case 0x0a: return .refused(.malformed("bare LF"))
            case 0x20, 0x09: return .refused(.malformed("folded field line"))
            case UInt8(ascii: ":"): return .refused(.malformed("empty field name"))
            default: return .refused(.malformed("invalid byte in field name"))
            }
        }
        switch byte {
        case 0x20, 0x09: return .refused(.malformed("white space before colon"))
        case 0x0d, 0x0a: return .refused(.malformed("field line without colon"))
        default: return .refused(.malformed("invalid byte in field name"))
        }
    }

    private static func badValueByte(_ byte: UInt8) -> HeadRefusal {
        switch byte {
        case 0x0d: .malformed("bare CR")
        case 0x0a: .malformed("bare LF")
        default: .malformed("control byte in field value")
        }
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Returns the first byte from `start` on that is a control byte other than tab, eight bytes at a time.
    ///
    /// A byte below 0x20 borrows from bit 7 in `word - 0x20…`; a byte 0x7f becomes zero in `word ^ 0x7f…`. A borrow can
    /// only mark bytes above a marked one, so the lowest mark is right.
    @inline(__always)
    static func endOfText(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        let high: UInt64 = 0x8080_8080_8080_8080
        var index = start
        while index &+ 8 <= count {
            let word = UInt64(littleEndian: UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
            let flipped = word ^ 0x7f7f_7f7f_7f7f_7f7f
            let controls = (word &- 0x2020_2020_2020_2020) & ~word
            let deletes = (flipped &- 0x0101_0101_0101_0101) & ~flipped
            let marks = (controls | deletes) & high
            if marks == 0 {
                index &+= 8
                continue
            }
            index &+= marks.trailingZeroBitCount &>> 3
            if base[index] != 0x09 { return index }
            index &+= 1
        }
        while index < count {
            let byte = base[index]
            if byte < 0x20 && byte != 0x09 || byte == 0x7f { return index }
            index &+= 1
        }
        return index
    }
}
