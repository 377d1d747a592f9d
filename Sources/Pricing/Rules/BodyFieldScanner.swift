/// Reads a few values out of a JSON body as it comes, in memory that does not grow with it.
///
/// What it skips is checked as far as the structure depends on it. A name that is there twice on the way to a field, or in a
/// spelling that lenient readers take for it, makes the field doubtful, however late it comes.
package struct BodyFieldScanner {
    /// Why the body cannot be read on.
    package enum Failure: Hashable, Sendable {
        case notJSON
        case tooDeep

        package var refusal: BodyRefusal { self == .tooDeep ? .tooDeep : .notJSON }
    }

    /// Objects and lists inside one another.
    package static let maximumDepth = 256
    /// The longest name that is compared; no field has a longer one.
    package static let maximumNameBytes = 256
    /// The longest text that a field may have.
    package static let maximumValueBytes = 4096

    private enum Place {
        case value
        case firstElement
        case firstName
        case name
        case colon
        case behindValue
        case number
        case word
        case end
    }

    private struct Frame {
        var isObject: Bool
        /// The tree's node that the container is, -1 beside every path.
        var node: Int
        /// How many elements of a list have begun.
        var count = 0
    }

    private var tree: BodyFieldTree
    private var frames: [Frame] = []
    private var place = Place.value
    /// The node of the value that comes next or is being read.
    private var node = BodyFieldTree.root
    private var text = BodyText(limit: 0)
    private var isInString = false
    private var isName = false
    package private(set) var failure: Failure?

    /// Each path is the names, or indices, that lead to a field.
    package init(paths: [[String]]) { tree = BodyFieldTree(paths) }

    /// What is known of each path, in the order they were given.
    package var readings: [FieldReading] { tree.readings }

    /// Whether nothing but a repetition could change a reading.
    package var isSettled: Bool { failure == nil && tree.isSettled }

    /// Takes the next bytes; nothing after a failure.
    package mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index < bytes.count, failure == nil {
            if isInString {
                index = scanString(bytes, from: index)
            } else {
                take(bytes[index])
                index += 1
            }
        }
    }

    /// The body has ended.
    package mutating func finish() {
        if place == .number, frames.isEmpty { endNumber() }
        if failure == nil, place != .end { failure = .notJSON }
    }

    // MARK: Structure

    private mutating func take(_ byte: UInt8) {
        switch place {
        case .number:
            if Self.isOfNumber(byte) { return text.append(byte) }
            endNumber()
            if failure == nil { take(byte) }
        case .word: takeWord(byte)
        case _ where byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09: return
        case .value: beginValue(byte)
        case .firstElement:
            if byte == UInt8(ascii: "]") { closeContainer(isObject: false) } else { nextElement(byte) }
        case .firstName:
            if byte == UInt8(ascii: "}") { closeContainer(isObject: true) } else { beginName(byte) }
        case .name: beginName(byte)
        case .colon:
            if byte == UInt8(ascii: ":") { place = .value } else { failure = .notJSON }
        case .behindValue: behindValue(byte)
        case .end: failure = .notJSON
        }
    }

    private mutating func beginValue(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "{"): openContainer(isObject: true)
        case UInt8(ascii: "["): openContainer(isObject: false)
        case UInt8(ascii: "\""): beginString(isName: false, limit: node >= 0 ? Self.maximumValueBytes : 0)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            text = BodyText(limit: ExactDecimal.maximumBytes)
            text.append(byte)
            place = .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
            text = BodyText(limit: 5)
            text.append(byte)
            place = .word
        default: failure = .notJSON
        }
    }

    private mutating func openContainer(isObject: Bool) {
        guard frames.count < Self.maximumDepth else { return failure = .tooDeep }
        if node >= 0 { if isObject { tree.open(node) } else { tree.openList(at: node) } }
        frames.append(Frame(isObject: isObject, node: node))
        place = isObject ? .firstName : .firstElement
    }

    private mutating func closeContainer(isObject: Bool) {
        guard let frame = frames.popLast(), frame.isObject == isObject else { return failure = .notJSON }
        if frame.node >= 0 { tree.close(frame.node) }
        endValue()
    }

    private mutating func endValue() { place = frames.isEmpty ? .end : .behindValue }

    private mutating func behindValue(_ byte: UInt8) {
        let isObject = frames.last?.isObject == true
        switch byte {
        case UInt8(ascii: ","):
            place = isObject ? .name : .value
            if !isObject { nextElement() }
        case UInt8(ascii: "}"): closeContainer(isObject: true)
        case UInt8(ascii: "]"): closeContainer(isObject: false)
        default: failure = .notJSON
        }
    }

    private mutating func nextElement(_ byte: UInt8) {
        nextElement()
        beginValue(byte)
    }

    /// Finds the node of a list's next element.
    private mutating func nextElement() {
        let last = frames.count - 1
        let frame = frames[last]
        node = frame.node >= 0 ? tree.element(frame.count, of: frame.node) ?? -1 : -1
        frames[last].count += 1
    }

    // MARK: Single values

    private mutating func beginName(_ byte: UInt8) {
        guard byte == UInt8(ascii: "\"") else { return failure = .notJSON }
        beginString(isName: true, limit: frames.last?.node ?? -1 >= 0 ? Self.maximumNameBytes : 0)
    }

    private mutating func beginString(isName: Bool, limit: Int) {
        text = BodyText(limit: limit)
        self.isName = isName
        isInString = true
    }

    private mutating func scanString(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            switch text.take(bytes[index]) {
            case .more: index += 1
            case .broken:
                failure = .notJSON
                return index
            case .ended:
                isInString = false
                if isName { endName() } else { endString() }
                return index + 1
            }
        }
        return index
    }

    private mutating func endName() {
        place = .colon
        node = -1
        guard let parent = frames.last?.node, parent >= 0, !text.isTooLong else { return }
        // A broken name may be mended into any.
        guard text.isValid else { return failure = .notJSON }
        node = tree.enter(text.bytes, of: parent) ?? -1
    }

    private mutating func endString() {
        if node >= 0 {
            let value = text.isTooLong ? nil : String(validating: text.bytes, as: UTF8.self)
            let doubt: FieldDoubt = text.isTooLong ? .tooLong : .badEncoding
            tree.close(node, with: text.isValid ? value.map { .text($0) } ?? .doubtful(doubt) : .doubtful(.badEncoding))
        }
        endValue()
    }

    private mutating func endNumber() {
        if node >= 0 {
            let isRead = !text.isTooLong && ExactDecimal(text.bytes) != nil
            tree.close(
                node, with: isRead ? .number(String(decoding: text.bytes, as: UTF8.self)) : .doubtful(.notANumber))
        }
        endValue()
    }

    private mutating func takeWord(_ byte: UInt8) {
        text.append(byte)
        let read = String(decoding: text.bytes, as: UTF8.self)
        switch read {
        case "true", "false":
            if node >= 0 { tree.close(node, with: .bool(read == "true")) }
            endValue()
        case "null":
            if node >= 0 { tree.close(node, with: nil) }
            endValue()
        default:
            if !["true", "false", "null"].contains(where: { $0.hasPrefix(read) }) { failure = .notJSON }
        }
    }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "+") || byte | 0x20 == UInt8(ascii: "e")
    }
}
