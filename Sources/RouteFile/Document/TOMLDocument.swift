import TOMLKit

/// Reads TOML into nodes that know their lines.
///
/// The library parses and judges the syntax; it keeps no positions, so a scan of the same text supplies them.
enum TOMLDocument {
    /// The root table; a syntax error is told in the library's words, with its line.
    static func parse(_ text: String, log: MistakeLog) -> DocumentNode? {
        if text.utf8.contains(0) {
            log.add(Place(path: "", line: 0), "has a NUL byte")
            return nil
        }
        let index = PositionIndex(text)
        if let line = index.headerWithoutKey {
            log.add(Place(path: "", line: line), "is not TOML: a table header needs a name, such as [server]")
            return nil
        }
        if let line = index.unreadableValue {
            log.add(
                Place(path: "", line: line), "is not TOML: a value without quotes is neither a number nor true or false"
            )
            return nil
        }
        do {
            let table = try TOMLTable(string: text)
            return DocumentNode(table: table, path: "", lines: index)
        } catch let error as TOMLParseError {
            log.add(Place(path: "", line: error.source.begin.line), "is not TOML: \(error.description)")
        } catch {
            log.add(Place(path: "", line: 0), "is not TOML")
        }
        return nil
    }

    /// One value outside any file, such as a default.
    static func value(_ literal: String) -> DocumentNode? {
        guard let table = try? TOMLTable(string: "value = " + literal) else { return nil }
        guard case .table(let members) = DocumentNode(table: table, path: "", lines: nil).value else { return nil }
        return members["value"]
    }
}

extension DocumentNode {
    fileprivate init(table: TOMLTable, path: String, lines: PositionIndex?) {
        var members: [String: DocumentNode] = [:]
        for key in table.keys {
            guard let value = table[key] else { continue }
            let name = PositionIndex.spelled(key)
            members[key] = DocumentNode(value, path: path.isEmpty ? name : path + "." + name, lines: lines)
        }
        self.init(value: .table(members), place: Place(path: path, line: lines?.line(of: path) ?? 0))
    }

    private init(_ value: any TOMLValueConvertible, path: String, lines: PositionIndex?) {
        let place = Place(path: path, line: lines?.line(of: path) ?? 0)
        switch value.type {
        case .table:
            guard let table = value.table else { fallthrough }
            self.init(table: table, path: path, lines: lines)
        case .array:
            guard let array = value.array else { fallthrough }
            let elements = (0..<array.count).map { DocumentNode(array[$0], path: "\(path)[\($0)]", lines: lines) }
            self.init(value: .array(elements), place: place)
        case .string: self.init(value: .string(value.string ?? ""), place: place)
        case .int: self.init(value: .integer(value.int ?? 0), place: place)
        case .bool: self.init(value: .bool(value.bool ?? false), place: place)
        case .double: self.init(value: .other("number with a point"), place: place)
        case .date, .time, .dateTime: self.init(value: .other("date or time"), place: place)
        }
    }
}
