/// What a rule demands of one value.
package enum ValueTest: Hashable, Sendable {
    case glob(TextGlob, isNegated: Bool)
    /// All of them hold.
    case number([NumberComparison])
    case bool(Bool)
    case present
    case absent
    /// At least one of them holds.
    case any([ValueTest])
}

/// What a test, a condition or a rule came to.
package enum Verdict: Hashable, Sendable {
    case holds
    case fails
    /// The answer depends on who reads the request.
    case doubtful(FieldDoubt)
}

extension ValueTest {
    /// Tests a value under every reading of it.
    package func verdict(on reading: FieldReading) -> Verdict {
        switch self {
        case .any(let tests): return Self.any(of: tests.map { $0.verdict(on: reading) })
        case .present, .absent: return presence(reading)
        case .glob, .number, .bool: break
        }
        switch reading {
        case .absent: return .fails
        case .doubtful(let doubt): return .doubtful(doubt)
        case .structure: return .doubtful(.structure)
        case .text(let text): return verdict(on: text)
        case .number(let spelling): return verdict(number: spelling)
        case .bool(let value):
            if case .bool(let wanted) = self { return value == wanted ? .holds : .fails }
            // Some readers make words of truth values.
            return verdict(on: FieldText(value ? "true" : "false"))
        }
    }

    private static func any(of verdicts: [Verdict]) -> Verdict {
        if verdicts.contains(.holds) { return .holds }
        return verdicts.first { $0 != .fails } ?? .fails
    }

    private func presence(_ reading: FieldReading) -> Verdict {
        switch reading {
        case .absent: self == .absent ? .holds : .fails
        case .doubtful(.tooLong), .text, .number, .bool, .structure: self == .present ? .holds : .fails
        case .doubtful(let doubt): .doubtful(doubt)
        }
    }

    private func verdict(on text: FieldText) -> Verdict {
        let verdict = verdict(text: text.value)
        var others = text.otherReadings
        if case .glob(let glob, _) = self, !glob.hasDot { others += text.stems }
        return others.allSatisfy { self.verdict(text: $0) == verdict } ? verdict : .doubtful(.otherSpelling)
    }

    private func verdict(text: String) -> Verdict {
        switch self {
        case .glob(let glob, let isNegated):
            if glob.matches(text) { return isNegated ? .fails : .holds }
            if glob.matchesLoosely(text) { return .doubtful(.otherSpelling) }
            if let number = glob.number, number == ExactDecimal(text.utf8) { return .doubtful(.otherSpelling) }
            return isNegated ? .holds : .fails
        case .number(let comparisons):
            guard let value = ExactDecimal(text.utf8) else { return .doubtful(.notANumber) }
            return comparisons.allSatisfy { $0.holds(for: value) } ? .holds : .fails
        // Frameworks read "true", "yes" and 1 as true, each in its own way.
        case .bool: return .doubtful(.notABool)
        case .present, .absent, .any: return .fails
        }
    }

    private func verdict(number spelling: String) -> Verdict {
        if case .bool = self { return .doubtful(.notABool) }
        return verdict(text: spelling)
    }
}

extension ValueTest: CustomStringConvertible {
    /// As a route file spells it.
    package var description: String {
        switch self {
        case .glob(let glob, let isNegated): "\"\(isNegated ? "!= " : "")\(glob.text)\""
        case .number(let comparisons): "\"\(comparisons.map(\.description).joined(separator: ", "))\""
        case .bool(let value): "\(value)"
        case .present: "present"
        case .absent: "absent"
        case .any(let tests): "[\(tests.map(\.description).joined(separator: ", "))]"
        }
    }
}

/// A comparison with a decimal number.
package struct NumberComparison: Hashable, Sendable, CustomStringConvertible {
    package enum Relation: String, Hashable, Sendable, CaseIterable {
        case atLeast = ">=", atMost = "<=", unequal = "!=", more = ">", less = "<", equal = "="
    }

    package let relation: Relation
    private let number: ExactDecimal
    private let spelling: String

    /// Nil where the text is no number.
    package init?(_ relation: Relation, _ spelling: String) {
        guard let number = ExactDecimal(spelling.utf8) else { return nil }
        self.relation = relation
        self.number = number
        self.spelling = spelling
    }

    package func holds(for value: ExactDecimal) -> Bool {
        switch relation {
        case .atLeast: value >= number
        case .atMost: value <= number
        case .more: value > number
        case .less: value < number
        case .equal: value == number
        case .unequal: value != number
        }
    }

    package var description: String { "\(relation.rawValue) \(spelling)" }
}

extension ValueTest {
    /// Reads `gpt-4o*`, `!= basic`, `>= 1024` or `> 5, <= 10`.
    package static func parse(_ text: String) throws(ValueTestError) -> ValueTest {
        guard let first = text.first else { throw .empty }
        if text.hasPrefix("!=") {
            let rest = String(text.dropFirst(2).drop { $0 == " " })
            guard !rest.isEmpty else { throw .empty }
            if let unequal = NumberComparison(.unequal, rest) { return .number([unequal]) }
            return .glob(TextGlob(rest), isNegated: true)
        }
        guard "<>=".contains(first) else { return .glob(TextGlob(text), isNegated: false) }
        var comparisons: [NumberComparison] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let part = String(part.drop { $0 == " " })
            guard let relation = NumberComparison.Relation.allCases.first(where: { part.hasPrefix($0.rawValue) }),
                let comparison = NumberComparison(
                    relation, String(part.dropFirst(relation.rawValue.count).drop { $0 == " " }))
            else { throw .notAComparison }
            comparisons.append(comparison)
        }
        return .number(comparisons)
    }
}

/// Why a text is no test of a value.
package enum ValueTestError: Error, Hashable, Sendable {
    case empty
    case notAComparison

    /// What is wrong, for people.
    package var reason: String {
        switch self {
        case .empty: "is empty; use `absent` or `present` to ask whether a field is there"
        case .notAComparison: "is not a comparison with a number such as \">= 1024\" or \"> 5, <= 10\""
        }
    }
}
