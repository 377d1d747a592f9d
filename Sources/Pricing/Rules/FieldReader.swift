/// Reads the fields of one table out of requests for one route.
package struct FieldReader: Sendable {
    private let count: Int
    private var headers: [(index: Int, field: HeaderField)] = []
    private var queries: (indices: [Int], names: [String]) = ([], [])
    private var paths: [(index: Int, field: PathField)] = []
    private var body: (indices: [Int], paths: [[String]]) = ([], [])

    /// A parameter that the pattern does not have is never there.
    package init(_ fields: [PriceField], pattern: RoutePattern) {
        count = fields.count
        for (index, field) in fields.enumerated() {
            switch field {
            case .header(let name): headers.append((index, HeaderField(name)))
            case .query(let name):
                queries.indices.append(index)
                queries.names.append(name)
            case .path(let name): if let place = PathField(name, in: pattern) { paths.append((index, place)) }
            case .body(let path):
                body.indices.append(index)
                body.paths.append(path)
            }
        }
    }

    package typealias Line = (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)

    /// The readings of all fields of the head, those of the body absent.
    ///
    /// - Parameters:
    ///   - target: The origin form that is forwarded.
    ///   - eachLine: Shows every field line that is forwarded.
    package func readHead(
        target: UnsafeRawBufferPointer, doubts: TargetDoubts, eachLine: ((Line) -> Void) -> Void
    ) -> [FieldReading] {
        var readings = [FieldReading](repeating: .absent, count: count)
        let pathEnd = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        let path = UnsafeRawBufferPointer(rebasing: target[..<pathEnd])
        for (index, field) in paths { readings[index] = field.read(path: path, doubts: doubts) }
        if !queries.names.isEmpty {
            let query = UnsafeRawBufferPointer(rebasing: target[min(pathEnd + 1, target.count)...])
            for (index, reading) in zip(queries.indices, QueryFields.read(queries.names, query: query)) {
                readings[index] = reading
            }
        }
        guard !headers.isEmpty else { return readings }
        var fields = headers
        eachLine { line in
            for index in fields.indices { fields[index].field.take(name: line.name, value: line.value) }
        }
        for (index, field) in fields { readings[index] = field.reading }
        return readings
    }

    /// Scans a body for the fields in it.
    package func bodyScanner() -> BodyFieldScanner { BodyFieldScanner(paths: body.paths) }

    /// Puts what the scanner of this reader found in its place.
    package func place(_ scanner: BodyFieldScanner, into readings: inout [FieldReading]) {
        for (index, reading) in zip(body.indices, scanner.readings) { readings[index] = reading }
    }
}

/// Reads a single field, such as `Content-Type`, out of the lines of a head.
extension HeaderField {
    package static func read(_ name: String, eachLine: ((FieldReader.Line) -> Void) -> Void) -> FieldReading {
        var field = HeaderField(name)
        eachLine { field.take(name: $0.name, value: $0.value) }
        return field.reading
    }
}

extension FieldReading {
    /// What it says, for people.
    package var shown: String {
        switch self {
        case .absent: "absent"
        case .text(let text): "\"\(text.value)\""
        case .number(let spelling): spelling
        case .bool(let value): "\(value)"
        case .structure: "an object or a list"
        case .doubtful(let doubt): "in doubt: it \(doubt.message)"
        }
    }
}
