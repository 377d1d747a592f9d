/// Collects mistakes while a file is read, so that all are told at once.
final class MistakeLog {
    private let file: String
    private(set) var mistakes: [RouteFileMistake] = []
    private(set) var warnings: [RouteFileMistake] = []

    init(file: String) { self.file = file }

    func add(_ place: Place, _ reason: String, suggestion: String? = nil) {
        mistakes.append(mistake(place, reason, suggestion))
    }

    /// Adds what several routes would say of one inherited key.
    func addOnce(_ place: Place, _ reason: String) {
        let mistake = mistake(place, reason, nil)
        if !mistakes.contains(mistake) { mistakes.append(mistake) }
    }

    /// Whether something was said of the place, or of an element of it.
    func hasMistake(under place: Place) -> Bool {
        mistakes.contains { $0.key == place.path || $0.key.hasPrefix(place.path + "[") }
    }

    func warn(_ place: Place, _ reason: String) {
        warnings.append(mistake(place, reason, nil))
    }

    /// Warns of what several routes would say of one inherited key.
    func warnOnce(_ place: Place, _ reason: String) {
        let warning = mistake(place, reason, nil)
        if !warnings.contains(warning) { warnings.append(warning) }
    }

    /// In the order of the lines.
    var sorted: [RouteFileMistake] { Self.byLine(mistakes) }

    var sortedWarnings: [RouteFileMistake] { Self.byLine(warnings) }

    private func mistake(_ place: Place, _ reason: String, _ suggestion: String?) -> RouteFileMistake {
        RouteFileMistake(file: file, line: place.line, key: place.path, reason: reason, suggestion: suggestion)
    }

    private static func byLine(_ mistakes: [RouteFileMistake]) -> [RouteFileMistake] {
        mistakes.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
    }
}

/// Where something stands in a file: the path of its key, and the line.
struct Place: Hashable {
    var path: String
    var line: Int
}
