/// Rows under headings, aligned with spaces.
struct TextTable: Hashable {
    struct Column: Hashable {
        var title: String
        var isRightAligned = false
    }

    var columns: [Column]
    var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    init(_ titles: String...) { columns = titles.map { Column(title: $0) } }

    /// The lines, without blanks at their ends.
    var lines: [String] {
        let cells = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in cells.reduce(0) { max($0, $1[column].count) } }
        return cells.map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                let blanks = String(repeating: " ", count: widths[index] - cell.count)
                line += columns[index].isRightAligned ? blanks + cell : cell + blanks
                line += "  "
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}

/// Names and values, one pair a line.
struct TextPairs {
    private(set) var pairs: [(name: String, value: String)] = []

    mutating func add(_ name: String, _ value: String?) {
        if let value { pairs.append((name, value)) }
    }

    /// The lines, each behind `indent`.
    func lines(indent: String = "") -> [String] {
        let width = pairs.reduce(0) { max($0, $1.name.count) }
        return pairs.map { pair in
            indent + pair.name + String(repeating: " ", count: width - pair.name.count) + "  " + pair.value
        }
    }
}
