/// One line of comma-separated values (RFC 4180), ended by a line feed alone.
enum CSVLine {
    /// The cells, quoted where they must be.
    ///
    /// A cell that a spreadsheet would run as a formula, which a stranger may have named, gets an apostrophe before it.
    static func text(_ cells: [String?]) -> String {
        cells.map { cell($0 ?? "") }.joined(separator: ",")
    }

    private static func cell(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let safe = isFormula ? "'" + text : text
        guard safe.unicodeScalars.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" }) else {
            return safe
        }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }
}
