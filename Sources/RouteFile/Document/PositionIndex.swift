/// The line of every table, key and array element of a TOML text.
///
/// Paths are spelled as mistakes spell them: `routes[2].price`, `adapters[0].backend.type`, `payments.accepts[1]`.
/// Made for texts that a parser has accepted; any other text gives an index of no value, but never a trap or a loop.
struct PositionIndex {
    private var lines: [String: Int] = [:]
    /// How many `[[name]]` headers there were of each path.
    private var counts: [String: Int] = [:]
    /// The first table header that does not begin with a key.
    ///
    /// The library ends the process on such a header, so that it must not get to see it.
    private(set) var headerWithoutKey: Int?
    /// The first value without quotes that is no plain number, truth value or date.
    ///
    /// The library ends the process on some such texts, too.
    private(set) var unreadableValue: Int?

    init(_ text: String) {
        var scanner = Scanner(bytes: Array(text.utf8))
        var table = ""
        while scanner.skipToContent() {
            if scanner.peek == UInt8(ascii: "[") {
                table = header(&scanner)
            } else {
                let (names, line) = scanner.keyPath()
                let path = record(names, under: table, line: line)
                if scanner.take(UInt8(ascii: "=")) { value(&scanner, path: path) }
            }
            scanner.skipLine()
        }
    }

    /// The line of a path, or of the nearest table around it.
    func line(of path: String) -> Int {
        if let line = lines[path] { return line }
        guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return 0 }
        return line(of: String(path[..<cut]))
    }

    /// A key as paths spell it: bare where TOML allows that, else in quotes.
    static func spelled(_ key: String) -> String {
        let isBare = key.utf8.allSatisfy(Scanner.isBare)
        return isBare && !key.isEmpty ? key : "\"\(key)\""
    }

    /// Reads `[a.b]` or `[[a.b]]` and returns the path of the table that it opens.
    private mutating func header(_ scanner: inout Scanner) -> String {
        let line = scanner.line
        _ = scanner.take(UInt8(ascii: "["))
        let isArray = scanner.take(UInt8(ascii: "["))
        scanner.skipBlanks()
        if headerWithoutKey == nil, !scanner.isAtKey { headerWithoutKey = line }
        var path = ""
        let names = scanner.keyPath().names
        for (index, name) in names.enumerated() {
            path = path.isEmpty ? name : path + "." + name
            let isLast = index == names.count - 1
            if isLast, isArray {
                if lines[path] == nil { lines[path] = line }
                counts[path, default: 0] += 1
            }
            if let count = counts[path] { path += "[\(count - 1)]" }
        }
        lines[path] = line
        return path
    }

    private mutating func record(_ names: [String], under table: String, line: Int) -> String {
        var path = table
        for name in names {
            path = path.isEmpty ? name : path + "." + name
            if lines[path] == nil { lines[path] = line }
        }
        return path
    }

    private mutating func value(_ scanner: inout Scanner, path: String) {
        scanner.skipBlanks()
        switch scanner.peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): scanner.skipString()
        case UInt8(ascii: "["): array(&scanner, path: path)
        case UInt8(ascii: "{"): inlineTable(&scanner, path: path)
        default:
            let line = scanner.line
            if !PlainScalar.isReadable(scanner.scalar()), unreadableValue == nil { unreadableValue = line }
        }
    }

    private mutating func array(_ scanner: inout Scanner, path: String) {
        _ = scanner.take(UInt8(ascii: "["))
        var index = 0
        guard scanner.enter() else { return }
        while scanner.skipToContent(), !scanner.take(UInt8(ascii: "]")) {
            if scanner.take(UInt8(ascii: ",")) { continue }
            let start = scanner.position
            lines["\(path)[\(index)]"] = scanner.line
            value(&scanner, path: "\(path)[\(index)]")
            index += 1
            if scanner.position == start { scanner.advance() }
        }
        scanner.leave()
    }

    private mutating func inlineTable(_ scanner: inout Scanner, path: String) {
        _ = scanner.take(UInt8(ascii: "{"))
        guard scanner.enter() else { return }
        while scanner.skipToContent(), !scanner.take(UInt8(ascii: "}")) {
            if scanner.take(UInt8(ascii: ",")) { continue }
            let start = scanner.position
            let (names, line) = scanner.keyPath()
            let key = record(names, under: path, line: line)
            if scanner.take(UInt8(ascii: "=")) { value(&scanner, path: key) }
            if scanner.position == start { scanner.advance() }
        }
        scanner.leave()
    }
}

/// Walks over the lexical parts of TOML (v1.0.0), counting lines.
private struct Scanner {
    private let bytes: [UInt8]
    private(set) var position = 0
    private(set) var line = 1
    private var depth = 0

    /// Deeper nesting is left unread.
    private static let maximumDepth = 64

    init(bytes: [UInt8]) { self.bytes = bytes }

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Whether a key, bare or in quotes, begins here.
    var isAtKey: Bool {
        peek.map { Self.isBare($0) || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") } ?? false
    }

    mutating func advance() {
        guard position < bytes.count else { return }
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    mutating func enter() -> Bool {
        guard depth < Self.maximumDepth else { return false }
        depth += 1
        return true
    }

    mutating func leave() { depth -= 1 }

    /// Takes one byte, with blanks before it, if it is the one that is asked for.
    mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard peek == byte else { return false }
        advance()
        return true
    }

    mutating func skipBlanks() {
        while let byte = peek, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { advance() }
    }

    mutating func skipLine() {
        while let byte = peek, byte != UInt8(ascii: "\n") { advance() }
        advance()
    }

    /// Skips blanks, line ends and comments; false at the end of the text.
    mutating func skipToContent() -> Bool {
        while let byte = peek {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): advance()
            case UInt8(ascii: "#"): while let next = peek, next != UInt8(ascii: "\n") { advance() }
            default: return true
            }
        }
        return false
    }

    /// Reads a key with its dots; the line is that of its first part.
    mutating func keyPath() -> (names: [String], line: Int) {
        skipBlanks()
        let start = line
        var names: [String] = []
        repeat {
            skipBlanks()
            guard let name = key() else { break }
            names.append(PositionIndex.spelled(name))
        } while take(UInt8(ascii: "."))
        return (names, start)
    }

    private mutating func key() -> String? {
        guard let first = peek else { return nil }
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            let start = position + 1
            skipString()
            guard position - 1 >= start else { return nil }
            return unescaped(bytes[start..<(position - 1)], isLiteral: first == UInt8(ascii: "'"))
        }
        let start = position
        while let byte = peek, Self.isBare(byte) { advance() }
        return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
    }

    /// Skips a string of any of the four kinds, its delimiters included.
    mutating func skipString() {
        guard let quote = peek else { return }
        let isLiteral = quote == UInt8(ascii: "'")
        let isMultiline = bytes[position...].prefix(3).elementsEqual([quote, quote, quote])
        for _ in 0..<(isMultiline ? 3 : 1) { advance() }
        while let byte = peek {
            if byte == UInt8(ascii: "\\"), !isLiteral {
                advance()
                advance()
            } else if byte == quote {
                guard isMultiline else { return advance() }
                let run = bytes[position...].prefix { $0 == quote }.count
                // Up to two quotes may stand before the three that end the string.
                for _ in 0..<min(run, 5) { advance() }
                if run >= 3 { return }
            } else if byte == UInt8(ascii: "\n"), !isMultiline {
                return
            } else {
                advance()
            }
        }
    }

    /// Reads a number, a boolean or a date, without the blanks behind it.
    mutating func scalar() -> ArraySlice<UInt8> {
        let start = position
        while let byte = peek, !",]}#\r\n".utf8.contains(byte) { advance() }
        let text = bytes[start..<position]
        let blanks = text.reversed().prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.count
        return text.dropLast(blanks)
    }

    static func isBare(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    /// The text of a quoted key; an escape that stands for no scalar is left out.
    private func unescaped(_ slice: ArraySlice<UInt8>, isLiteral: Bool) -> String {
        let text = String(decoding: slice, as: UTF8.self)
        guard !isLiteral, text.contains("\\") else { return text }
        var result = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "\\", let escape = rest.popFirst() else {
                result.append(character)
                continue
            }
            switch escape {
            case "n": result.append("\n")
            case "t": result.append("\t")
            case "r": result.append("\r")
            case "b": result.append("\u{8}")
            case "f": result.append("\u{C}")
            case "u", "U":
                let count = escape == "u" ? 4 : 8
                let scalar = UInt32(rest.prefix(count), radix: 16).flatMap(Unicode.Scalar.init)
                if let scalar { result.unicodeScalars.append(scalar) }
                rest = rest.dropFirst(count)
            default: result.append(escape)
            }
        }
        return result
    }
}
