/// What a scanner tells of a value at a path.
enum PathValue: Hashable {
    case integer(UInt64)
    case faulty(UsageFault)
    case string
    case bool(Bool)
    case null
    case object
    case array
}

/// Takes what a `PathScanner` finds.
protocol PathSink {
    /// A value at these paths; `range` is where it stands, for objects and arrays only its first byte.
    mutating func found(_ value: PathValue, at paths: UInt16, range: Range<Int>)
    /// An element of an array that these paths go through is over, and another follows.
    mutating func elementEnded(_ paths: UInt16)
}

/// Finds the values at some paths of a JSON text that arrives in pieces of any size.
///
/// Holds no bytes: names are compared as they come, what no path enters is stepped over by its brackets and quotes. What is
/// looked at is held to the grammar (RFC 8259), what is stepped over only to its nesting.
struct PathScanner {
    /// How a text ended.
    enum Ending: Hashable {
        /// Nothing but white space.
        case empty
        case complete
        /// Broken off.
        case incomplete
        /// No JSON.
        case broken
    }

    private enum Mode: UInt8 {
        case value, elementOrEnd, nameOrEnd, name, colon, commaOrEnd
        case text, textEscape
        case nameText, nameEscape, nameUnicode
        case word, number
        case skip, skipText, skipEscape
        case done, broken
    }

    let paths: UsagePathSet
    private var mode = Mode.value
    /// Objects and arrays that are open and looked into.
    private var depth = 0
    /// For each of them the paths that go through it.
    private var masks = SIMD8<UInt16>()
    /// For each of them a bit: an object.
    private var objects: UInt8 = 0
    /// The paths that lead to the value that comes next.
    private var pending: UInt16 = 0
    /// Open brackets of what no path enters.
    private var skipped: UInt64 = 0
    private var name = PartialName()
    private var number = PartialNumber()
    /// Bytes before the present piece.
    private var total = 0
    private var valueStart = 0

    init(_ paths: UsagePathSet) {
        self.paths = paths
        pending = paths.all
    }

    /// Forgets what came, for another text.
    mutating func reset() {
        mode = .value
        depth = 0
        pending = paths.all
        total = 0
    }

    /// Says how the text ended; a number at its cut end was none.
    func ending() -> Ending {
        switch mode {
        case .done: .complete
        case .word where depth == 0: .complete
        case .value where depth == 0: .empty
        case .broken: .broken
        default: .incomplete
        }
    }

    /// Reads the next piece.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, into sink: inout some PathSink) {
        var position = 0
        while position < bytes.count {
            switch mode {
            case .skip: position = skip(bytes, from: position)
            case .skipText, .skipEscape, .text, .textEscape: position = text(bytes, from: position)
            case .nameText, .nameEscape, .nameUnicode: position = slowName(bytes, from: position)
            case .word: position = word(bytes, from: position)
            case .number: position = digits(bytes, from: position, &sink)
            case .broken: position = bytes.count
            default:
                let byte = bytes[position]
                if !Self.isSpace(byte) { position = token(byte, bytes, at: position, &sink) } else { position &+= 1 }
            }
        }
        total &+= bytes.count
    }

    @inline(__always)
    private static func isSpace(_ byte: UInt8) -> Bool {
        byte <= 0x20 && (byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09)
    }
}

// MARK: - Structure

extension PathScanner {
    @inline(__always)
    private mutating func token(
        _ byte: UInt8, _ bytes: UnsafeRawBufferPointer, at position: Int, _ sink: inout some PathSink
    ) -> Int {
        switch (mode, byte) {
        case (.name, UInt8(ascii: "\"")), (.nameOrEnd, UInt8(ascii: "\"")): return beginName(bytes, at: position + 1)
        case (.colon, UInt8(ascii: ":")): mode = .value
        case (.commaOrEnd, UInt8(ascii: ",")):
            if isInObject {
                mode = .name
            } else {
                pending = masks[depth &- 1]
                sink.elementEnded(pending)
                mode = .value
            }
        case (.commaOrEnd, UInt8(ascii: "}")), (.nameOrEnd, UInt8(ascii: "}")): close(object: true)
        case (.commaOrEnd, UInt8(ascii: "]")), (.elementOrEnd, UInt8(ascii: "]")): close(object: false)
        case (.value, _), (.elementOrEnd, _): beginValue(byte, at: position, &sink)
        default: mode = .broken
        }
        return position &+ 1
    }

    private var isInObject: Bool {
        @inline(__always) get { objects &>> UInt8(truncatingIfNeeded: depth &- 1) & 1 == 1 }
    }

    @inline(__always)
    private mutating func beginValue(_ byte: UInt8, at position: Int, _ sink: inout some PathSink) {
        let ending = pending & paths.ending[depth]
        let start = total &+ position
        switch byte {
        case UInt8(ascii: "\""):
            if ending != 0 { sink.found(.string, at: ending, range: start..<start &+ 1) }
            mode = .text
        case UInt8(ascii: "{"):
            if ending != 0 { sink.found(.object, at: ending, range: start..<start &+ 1) }
            open(pending & paths.named[depth], object: true)
        case UInt8(ascii: "["):
            if ending != 0 { sink.found(.array, at: ending, range: start..<start &+ 1) }
            open(pending & paths.open[depth], object: false)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard ending != 0 else {
                mode = .word
                return
            }
            valueStart = start
            number = PartialNumber()
            number.take(byte)
            mode = .number
        case UInt8(ascii: "n"):
            if ending != 0 { sink.found(.null, at: ending, range: start..<start &+ 4) }
            mode = .word
        case UInt8(ascii: "t"):
            if ending != 0 { sink.found(.bool(true), at: ending, range: start..<start &+ 4) }
            mode = .word
        case UInt8(ascii: "f"):
            if ending != 0 { sink.found(.bool(false), at: ending, range: start..<start &+ 5) }
            mode = .word
        default: mode = .broken
        }
    }

    @inline(__always)
    private mutating func open(_ mask: UInt16, object: Bool) {
        guard mask != 0 else {
            skipped = 1
            mode = .skip
            return
        }
        // A path has eight parts at most, and one that goes on is not at its end.
        masks[depth] = mask
        let bit = UInt8(1) &<< UInt8(truncatingIfNeeded: depth)
        objects = object ? objects | bit : objects & ~bit
        depth &+= 1
        pending = mask
        mode = object ? .nameOrEnd : .elementOrEnd
    }

    @inline(__always)
    private mutating func close(object: Bool) {
        guard depth > 0, isInObject == object else {
            mode = .broken
            return
        }
        depth &-= 1
        valueEnded()
    }

    @inline(__always)
    private mutating func valueEnded() { mode = depth == 0 ? .done : .commaOrEnd }
}

// MARK: - Values

extension PathScanner {
    /// Steps over a literal, or a number that nobody asked for.
    private mutating func word(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "E"):
                position &+= 1
            case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), 0x20, 0x0A, 0x0D, 0x09:
                valueEnded()
                return position
            default:
                mode = .broken
                return position
            }
        }
        return position
    }

    private mutating func digits(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ sink: inout some PathSink
    ) -> Int {
        var position = start
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), 0x20, 0x0A, 0x0D, 0x09:
                guard let value = number.value else {
                    mode = .broken
                    return position
                }
                sink.found(value, at: pending & paths.ending[depth], range: valueStart..<total &+ position)
                valueEnded()
                return position
            default:
                guard number.take(byte) else {
                    mode = .broken
                    return position
                }
                position &+= 1
            }
        }
        return position
    }

    /// Steps over a string, inside what is skipped or not.
    private mutating func text(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let isSkipping = mode == .skipText || mode == .skipEscape
        let first = mode == .textEscape || mode == .skipEscape ? start &+ 1 : start
        switch TextEnd.find(in: bytes, from: first) {
        case .closed(let position):
            if isSkipping { mode = .skip } else { valueEnded() }
            return position
        case .open: mode = isSkipping ? .skipText : .text
        case .escape: mode = isSkipping ? .skipEscape : .textEscape
        }
        return bytes.count
    }

    /// Steps over what no path enters.
    private mutating func skip(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                switch TextEnd.find(in: bytes, from: position &+ 1) {
                case .closed(let end): position = end
                case .open:
                    mode = .skipText
                    return bytes.count
                case .escape:
                    mode = .skipEscape
                    return bytes.count
                }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                skipped &+= 1
                position &+= 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                skipped &-= 1
                position &+= 1
                if skipped == 0 {
                    valueEnded()
                    return position
                }
            default: position &+= 1
            }
        }
        return position
    }
}

// MARK: - Names

extension PathScanner {
    /// Reads a name in one look where it is whole and plain.
    @inline(__always)
    private mutating func beginName(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Int {
        let end = TextEnd.stop(in: bytes, from: start)
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else {
            name = PartialName(candidates: masks[depth &- 1])
            mode = .nameText
            return start
        }
        let name = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        pending = paths.matching(name, of: masks[depth &- 1], depth: depth &- 1)
        mode = .colon
        return end &+ 1
    }

    /// Reads a name byte by byte: one that is split or has escapes.
    private mutating func slowName(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let byte = bytes[start]
        switch mode {
        case .nameEscape:
            mode = .nameText
            if byte == UInt8(ascii: "u") {
                name.beginUnicode()
                mode = .nameUnicode
            } else if !name.escape(byte, paths, depth: depth &- 1) {
                mode = .broken
            }
        case .nameUnicode:
            switch name.hex(byte, paths, depth: depth &- 1) {
            case .more: break
            case .ended: mode = .nameText
            case .broken: mode = .broken
            }
        default:
            switch byte {
            case UInt8(ascii: "\""):
                pending = name.finish(paths, depth: depth &- 1)
                mode = .colon
            case UInt8(ascii: "\\"): mode = .nameEscape
            default: name.take(byte, paths, depth: depth &- 1)
            }
        }
        return start &+ 1
    }
}
