/// What a report of usage looks like: where its numbers stand and how they add up.
package struct UsageShape: Sendable {
    /// What successive objects with usage mean: events of a stream, lines, elements of an array.
    package enum Succession: String, Hashable, Sendable {
        /// Each says all that came before: the last counts.
        case last
        /// Each says what it adds: they are summed.
        case every
    }

    /// What a path's value is taken for.
    enum Role: Hashable, Sendable {
        /// A number of this slot.
        case number(slot: Int)
        /// One for each value that is no number, of this slot.
        case occurrence(slot: Int)
        case mark(UsageMarks)
    }

    let paths: UsagePathSet
    let roles: [Role]
    let slotCount: Int
    let succession: Succession
    /// Nil where every event must be looked into.
    let quiet: QuietEvents?
    /// Whether the first number is a bound, which a zero or less says that there is none of.
    let isOfRequest: Bool

    /// - Parameters:
    ///   - slots: For each number the paths it may stand at; the larger is taken where it stands at several in one object.
    ///   - occurrences: For each count the path of what is counted; their slots come behind the numbers.
    ///   - marksHidden: Whether events that carry nothing but usage are to be found as well.
    ///   - ignoresCase: Whether names are taken in any case.
    ///   - isOfRequest: Whether the first number is the bound that a request sets to its answer.
    package init(
        slots: [[UsagePath]], occurrences: [UsagePath] = [], succession: Succession = .last, marksHidden: Bool = false,
        ignoresCase: Bool = false, isOfRequest: Bool = false
    ) {
        var paths: [UsagePath] = []
        var roles: [Role] = []
        for (slot, places) in slots.enumerated() {
            paths += places
            roles += places.map { _ in .number(slot: slot) }
        }
        for (offset, place) in occurrences.enumerated() {
            paths.append(place)
            roles.append(.occurrence(slot: slots.count + offset))
        }
        quiet = QuietEvents(paths, ignoresCase: ignoresCase, marksHidden: marksHidden)
        if marksHidden {
            for (text, mark) in UsageMarks.places {
                guard let path = UsagePath(text) else { continue }
                paths.append(path)
                roles.append(.mark(mark))
            }
        }
        self.paths = UsagePathSet(paths, ignoresCase: ignoresCase)
        self.roles = roles
        self.slotCount = slots.count + occurrences.count
        self.succession = succession
        self.isOfRequest = isOfRequest
    }

    /// Paths that the numbers of one report may have in all.
    package static let maximumPaths = UsagePathSet.maximumCount - UsageMarks.places.count
}

/// What tells an event that only carries usage: `"choices": []` beside a `usage` object.
struct UsageMarks: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let usage = UsageMarks(rawValue: 1)
    static let choices = UsageMarks(rawValue: 2)
    static let choice = UsageMarks(rawValue: 4)

    static let places: [(path: String, mark: UsageMarks)] = [
        ("usage", .usage), ("choices", .choices), ("choices.*", .choice),
    ]

    /// An event that only carries usage.
    var isUsageAlone: Bool { self == [.usage, .choices] }

    /// Certainly none.
    var isContent: Bool { contains(.choice) }
}

/// The counts that a scan has come to.
struct UsageTally: PathSink {
    private let shape: UsageShape
    private var present: [UsageFinding]
    private(set) var findings: [UsageFinding]
    /// Of the object at hand.
    private(set) var marks: UsageMarks = []
    /// Whether a request says that its answer has no bound: Ollama has -1 and 0 for "as much as there is", as others have 0.
    private(set) var hasNoBound = false
    /// Whether the object at hand has said anything yet.
    private var isTouched = false

    init(_ shape: UsageShape) {
        self.shape = shape
        present = Array(repeating: .missing, count: shape.slotCount)
        findings = present
    }

    mutating func found(_ value: PathValue, at paths: UInt16, range: Range<Int>) {
        var rest = paths
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            switch shape.roles[index] {
            case .number(let slot):
                guard let finding = value.finding else { continue }
                if shape.isOfRequest, slot == 0, finding == .value(0) || finding == .unusable(.negative) {
                    hasNoBound = true
                    continue
                }
                present[slot] = present[slot].merged(with: finding)
                isTouched = true
            case .occurrence(let slot):
                guard value.isNoNumber else { continue }
                present[slot] = present[slot].adding(.value(1))
                isTouched = true
            case .mark(let mark):
                if mark == .choice || value == (mark == .usage ? .object : .array) { marks.insert(mark) }
            }
        }
    }

    mutating func elementEnded(_ paths: UInt16) {
        guard isTouched else { return }
        var rest = paths
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            if case .number(let slot) = shape.roles[index] { take(slot) }
        }
    }

    /// The object at hand is over.
    mutating func ended(_ ending: PathScanner.Ending) {
        marks = []
        guard isTouched else { return }
        isTouched = false
        for slot in present.indices {
            // What was no JSON has said nothing.
            if ending == .broken { present[slot] = .missing } else { take(slot) }
        }
    }

    private mutating func take(_ slot: Int) {
        let finding = present[slot]
        guard finding != .missing else { return }
        present[slot] = .missing
        switch shape.succession {
        case .last: findings[slot] = finding
        case .every: findings[slot] = findings[slot].adding(finding)
        }
    }
}

extension PathValue {
    /// What the value is as a count; nil for null, which says that there is none.
    fileprivate var finding: UsageFinding? {
        switch self {
        case .integer(let value): .value(value)
        case .faulty(let fault): .unusable(fault)
        case .null: nil
        case .string, .bool, .object, .array: .unusable(.notANumber)
        }
    }

    fileprivate var isNoNumber: Bool {
        switch self {
        case .integer, .faulty: false
        case .null, .string, .bool, .object, .array: true
        }
    }
}
