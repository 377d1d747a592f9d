/// The memory one scan works in: the text, its unescaped strings, and the names of the objects that are open.
///
/// A text ends in bytes of zero, which no JSON holds outside an error: the scanner needs no other check for its end.
final class JSONScratch {
    /// Zero bytes behind a text: a word can be read at every position up to its end.
    static let padding = 8

    /// Most bytes of a text.
    let capacity: Int
    private let text: UnsafeMutableRawPointer
    private let strings: UnsafeMutableRawPointer
    private let names: UnsafeMutableBufferPointer<JSONText>

    /// Room for texts of that many bytes.
    init(capacity: Int, maxOpenMembers: Int) {
        self.capacity = capacity
        text = .allocate(byteCount: capacity + Self.padding, alignment: 16)
        // A scan unescapes at most as many bytes as it reads, and one part of a text may be read twice.
        strings = .allocate(byteCount: 2 * capacity + 1, alignment: 16)
        names = .allocate(capacity: maxOpenMembers)
    }

    deinit {
        text.deallocate()
        strings.deallocate()
        names.deallocate()
    }

    /// Where a decoder may put a text's bytes before it calls `scanner(count:)`.
    var room: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: text, count: capacity) }

    /// Copies a text in, which must fit, and returns a scanner at its start.
    func scanner(copying bytes: UnsafeRawBufferPointer, maxDepth: Int) -> JSONScanner {
        precondition(bytes.count <= capacity, "the text is longer than its scratch")
        room.copyMemory(from: bytes)
        return scanner(count: bytes.count, maxDepth: maxDepth)
    }

    /// A scanner at the start of the `count` bytes that stand in `room`.
    func scanner(count: Int, maxDepth: Int) -> JSONScanner {
        precondition(count <= capacity, "the text is longer than its scratch")
        (text + count).storeBytes(of: 0, as: UInt64.self)
        return JSONScanner(start: text, count: count, strings: strings, names: names, maxDepth: maxDepth)
    }
}
