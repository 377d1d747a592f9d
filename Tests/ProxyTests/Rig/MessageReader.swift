/// Reads HTTP/1.1 messages out of bytes; written apart from the product's parsers, for well-formed messages only.
struct MessageReader {
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
        case untilClose
    }

    private var bytes: [UInt8] = []
    private var start = 0
    private var decoded: [UInt8] = []

    mutating func append(_ more: some Sequence<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// Bytes that no message has taken.
    var rest: [UInt8] { Array(bytes[start...]) }

    /// Takes a head without its empty line, nil while it is incomplete.
    mutating func takeHead() -> String? {
        let end = Array("\r\n\r\n".utf8)
        var index = start
        while index + 4 <= bytes.count {
            if bytes[index] == end[0], bytes[index..<(index + 4)].elementsEqual(end) {
                let head = String(decoding: bytes[start..<index], as: UTF8.self)
                start = index + 4
                return head
            }
            index += 1
        }
        return nil
    }

    /// Takes a whole body, nil while it is incomplete.
    mutating func takeBody(_ framing: Framing, isClosed: Bool = false) -> [UInt8]? {
        switch framing {
        case .none: return []
        case .length(let count):
            guard bytes.count - start >= count else { return nil }
            defer { start += count }
            return Array(bytes[start..<(start + count)])
        case .chunked: return takeChunks()
        case .untilClose:
            guard isClosed else { return nil }
            defer { start = bytes.count }
            return rest
        }
    }

    /// What of a broken-off body has come.
    mutating func takePart() -> [UInt8] {
        defer {
            decoded = []
            start = bytes.count
        }
        return decoded + rest
    }

    private mutating func takeChunks() -> [UInt8]? {
        while let line = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let digits = String(decoding: bytes[start..<(line - 1)], as: UTF8.self)
            let size = Int(digits.split(separator: ";").first ?? "", radix: 16) ?? 0
            guard bytes.count >= line + 1 + size + 2 else { return nil }
            if size == 0 {
                guard let end = trailerEnd(from: line + 1) else { return nil }
                start = end
                defer { decoded = [] }
                return decoded
            }
            decoded.append(contentsOf: bytes[(line + 1)..<(line + 1 + size)])
            start = line + 1 + size + 2
        }
        return nil
    }

    /// The end of the empty line that ends a trailer section.
    private func trailerEnd(from first: Int) -> Int? {
        var lineStart = first
        while let newline = bytes[lineStart...].firstIndex(of: UInt8(ascii: "\n")) {
            if newline == lineStart + 1 { return newline + 1 }
            lineStart = newline + 1
        }
        return nil
    }
}

/// The field lines of a head.
struct FieldLines {
    let start: String
    let lines: [(name: String, value: String)]

    init(_ head: String) {
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        start = lines.removeFirst()
        self.lines = lines.map { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return (
                parts[0].lowercased(),
                parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
            )
        }
    }

    /// The value of the first field of that lower-case name.
    subscript(name: String) -> String? { lines.first { $0.name == name }?.value }

    func all(_ name: String) -> [String] { lines.filter { $0.name == name }.map(\.value) }

    var framing: MessageReader.Framing? {
        if let length = self["content-length"].flatMap({ Int($0) }) { return .length(length) }
        return self["transfer-encoding"] == nil ? nil : .chunked
    }
}
