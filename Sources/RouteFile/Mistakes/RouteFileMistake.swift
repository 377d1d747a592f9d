/// One thing that is wrong with a file, or that its owner should know.
///
/// Secrets and the values of environment variables never appear in it.
package struct RouteFileMistake: Hashable, Sendable {
    package var file: String
    /// Counted from 1; 0 where no line of the file is to blame.
    package var line: Int
    /// The path of the key, `routes[2].price`; empty for the file as a whole.
    package var key: String
    package var reason: String
    /// The nearest name or the right spelling, where there is one.
    package var suggestion: String?

    package init(file: String, line: Int, key: String, reason: String, suggestion: String? = nil) {
        self.file = file
        self.line = line
        self.key = key
        self.reason = reason
        self.suggestion = suggestion
    }
}

extension RouteFileMistake: CustomStringConvertible {
    /// One line, as compilers write them.
    ///
    /// ``routes.toml:12: routes[2].pric: unknown key; did you mean `price`?``
    package var description: String {
        var text = line > 0 ? "\(file):\(line): " : "\(file): "
        if !key.isEmpty { text += key + ": " }
        text += reason
        if let suggestion { text += "; did you mean `\(suggestion)`?" }
        return text
    }
}

/// Every mistake of a file, in the order of its lines.
package struct RouteFileErrors: Error, Hashable, Sendable, CustomStringConvertible {
    package let mistakes: [RouteFileMistake]

    package init(_ mistakes: [RouteFileMistake]) {
        self.mistakes = mistakes
    }

    package var description: String { mistakes.map(\.description).joined(separator: "\n") }
}
