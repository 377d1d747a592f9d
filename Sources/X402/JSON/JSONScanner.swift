/// A strict scanner of one JSON text (RFC 8259).
///
/// Refused beyond the grammar: a name twice in one object (compared with escapes undone), invalid UTF-8, lone
/// surrogates, nesting and open members past the limits. Every `throws` leaves the scanner useless.
struct JSONScanner: ~Copyable {
    var cursor: UnsafeRawPointer
    let start: UnsafeRawPointer
    private let end: UnsafeRawPointer
    /// The next free byte for unescaped strings.
    var strings: UnsafeMutableRawPointer
    private let names: UnsafeMutableBufferPointer<JSONText>
    private var openNames = 0
    private var depth = 0
    private let maxDepth: Int

    /// The text must be followed by `JSONScratch.padding` zero bytes.
    init(
        start: UnsafeRawPointer, count: Int, strings: UnsafeMutableRawPointer,
        names: UnsafeMutableBufferPointer<JSONText>, maxDepth: Int
    ) {
        self.start = start
        self.cursor = start
        self.end = start + count
        self.strings = strings
        self.names = names
        self.maxDepth = maxDepth
    }

    /// The byte under the cursor; zero at the end.
    var byte: UInt8 {
        @inline(__always) get { cursor.load(as: UInt8.self) }
    }

    var isAtObject: Bool { byte == UInt8(ascii: "{") }
    var isAtString: Bool { byte == UInt8(ascii: "\"") }
    var isAtDigit: Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    func failure(_ code: WireError.Code) -> WireError { WireError(code, at: cursor - start) }

    /// Goes back to a value that was scanned before, to read it in another way.
    mutating func rewind(to position: UnsafeRawPointer) {
        cursor = position
        depth = 0
        openNames = 0
    }

    mutating func skipWhitespace() { cursor = Self.pastWhitespace(cursor) }

    // What runs once per member works on a pointer in a register and stores the cursor at its end: a store and a load
    // per byte would be most of the time.

    @inline(__always)
    static func byte(at position: UnsafeRawPointer) -> UInt8 { position.load(as: UInt8.self) }

    @inline(__always)
    private static func pastWhitespace(_ position: UnsafeRawPointer) -> UnsafeRawPointer {
        var position = position
        while true {
            let byte = byte(at: position)
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return position }
            position += 1
        }
    }

    @inline(never)
    func failure(_ code: WireError.Code, at position: UnsafeRawPointer) -> WireError {
        WireError(code, at: position - start)
    }

    /// Moves over bytes that were looked at and are not the end.
    @inline(__always)
    mutating func step(_ count: Int = 1) { cursor += count }

    /// Demands that nothing but white space is left.
    mutating func finish() throws(WireError) {
        skipWhitespace()
        guard cursor == end else { throw failure(.syntax) }
    }
}

// MARK: - Objects and arrays

extension JSONScanner {
    /// An object whose members are being read.
    struct OpenObject {
        fileprivate let firstName: Int
        fileprivate var isFirst = true
        /// Bits that the reader of the object gives to names it knows.
        var seen: UInt32 = 0
    }

    /// Steps into the object whose brace is under the cursor.
    @inline(__always)
    mutating func openObject() throws(WireError) -> OpenObject {
        guard byte == UInt8(ascii: "{") else { throw failure(.syntax) }
        try descend()
        return OpenObject(firstName: openNames)
    }

    /// The next member's name, with the cursor on its value; nil when the object is closed.
    @inline(__always)
    mutating func nextName(_ object: inout OpenObject) throws(WireError) -> JSONText? {
        var position = Self.pastWhitespace(cursor)
        if Self.byte(at: position) == UInt8(ascii: "}") {
            cursor = position + 1
            depth &-= 1
            openNames = object.firstName
            return nil
        }
        if object.isFirst {
            object.isFirst = false
        } else {
            guard Self.byte(at: position) == UInt8(ascii: ",") else { throw failure(.syntax, at: position) }
            position = Self.pastWhitespace(position + 1)
        }
        let name = try string(from: &position)
        position = Self.pastWhitespace(position)
        guard Self.byte(at: position) == UInt8(ascii: ":") else { throw failure(.syntax, at: position) }
        cursor = Self.pastWhitespace(position + 1)
        return name
    }

    /// Refuses a name that was remembered before in this object.
    mutating func remember(_ name: JSONText, in object: OpenObject) throws(WireError) {
        for index in object.firstName..<openNames where names[index].equals(name) { throw failure(.duplicateKey) }
        guard openNames < names.count else { throw failure(.tooManyMembers) }
        names[openNames] = name
        openNames += 1
    }

    /// The same for names that the reader gives bits of `seen`.
    @inline(__always)
    func remember(bit: UInt32, in object: inout OpenObject) throws(WireError) {
        guard object.seen & bit == 0 else { throw failure(.duplicateKey) }
        object.seen |= bit
    }

    /// Steps into the array whose bracket is under the cursor; false when it is empty, and then already left.
    mutating func openArray() throws(WireError) -> Bool {
        guard byte == UInt8(ascii: "[") else { throw failure(.syntax) }
        try descend()
        skipWhitespace()
        guard byte == UInt8(ascii: "]") else { return true }
        cursor += 1
        depth &-= 1
        return false
    }

    /// Steps over the comma behind an element; false when the array is closed.
    mutating func nextElement() throws(WireError) -> Bool {
        skipWhitespace()
        switch byte {
        case UInt8(ascii: ","):
            cursor += 1
            skipWhitespace()
            return true
        case UInt8(ascii: "]"):
            cursor += 1
            depth &-= 1
            return false
        default: throw failure(.syntax)
        }
    }

    private mutating func descend() throws(WireError) {
        guard depth < maxDepth else { throw failure(.tooDeep) }
        depth &+= 1
        cursor += 1
    }
}
