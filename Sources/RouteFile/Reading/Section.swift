/// A value that was read, with its place.
struct Located<Value> {
    var value: Value
    var place: Place
}

extension Located: Sendable where Value: Sendable {}

/// What reading one value came to.
enum Reading<Value> {
    case value(Value)
    case mistake(String, suggestion: String? = nil)
    /// No value, because of a mistake that is told elsewhere.
    case toldElsewhere

    func map<Other>(_ transform: (Value) -> Other) -> Reading<Other> {
        switch self {
        case .value(let value): .value(transform(value))
        case .mistake(let reason, let suggestion): .mistake(reason, suggestion: suggestion)
        case .toldElsewhere: .toldElsewhere
        }
    }

    /// The value; what is wrong goes into the log.
    func value(at place: Place, _ log: MistakeLog) -> Value? {
        switch self {
        case .value(let value): return value
        case .mistake(let reason, let suggestion): log.add(place, reason, suggestion: suggestion)
        case .toldElsewhere: break
        }
        return nil
    }
}

/// One table of the file while it is read: typed access to its keys, mistakes into the log.
struct Section {
    /// The path in the schema, without indices.
    let table: String
    let place: Place
    let log: MistakeLog
    private let members: [String: DocumentNode]

    /// Reports every key that the schema does not know or this version does not have; nil when the node is no table.
    init?(_ node: DocumentNode, table: String, log: MistakeLog) {
        guard case .table(let members) = node.value else {
            log.add(node.place, "is \(node.kind), not a table")
            return nil
        }
        self.init(table: table, place: node.place, members: members, log: log)
        checkKeys()
    }

    /// A table that the file leaves out: only defaults.
    init(absent table: String, log: MistakeLog) {
        self.init(table: table, place: Place(path: table, line: 0), members: [:], log: log)
    }

    private init(table: String, place: Place, members: [String: DocumentNode], log: MistakeLog) {
        self.table = table
        self.place = place
        self.members = members
        self.log = log
    }

    /// Where a key stands; where its table stands when it is left out.
    func place(of key: String) -> Place {
        members[key]?.place ?? Place(path: place.path.isEmpty ? key : place.path + "." + key, line: place.line)
    }

    func node(_ key: String) -> DocumentNode? { members[key] }

    func has(_ key: String) -> Bool { members[key] != nil }

    /// The value, or its default; nil without either, and when it is wrong, which is logged.
    func read<Value>(_ key: String, _ kind: (DocumentNode) -> Reading<Value>) -> Located<Value>? {
        guard let node = members[key] else { return defaultValue(of: key, kind) }
        return kind(node).value(at: node.place, log).map { Located(value: $0, place: node.place) }
    }

    /// The same of a key that must be there.
    func require<Value>(_ key: String, _ kind: (DocumentNode) -> Reading<Value>) -> Located<Value>? {
        if members[key] == nil { log.add(place(of: key), "is missing") }
        return read(key, kind)
    }

    /// Each element of an array; a single value stands for an array of one.
    func list<Value>(_ key: String, _ kind: (DocumentNode) -> Reading<Value>) -> [Located<Value>]? {
        let node = members[key] ?? defaultNode(of: key)
        guard let node else { return nil }
        var elements = [node]
        if case .array(let array) = node.value { elements = array }
        return elements.compactMap { element in
            kind(element).value(at: element.place, log).map { Located(value: $0, place: element.place) }
        }
    }

    /// The tables of `[[key]]`.
    func sections(_ key: String, table: String) -> [Section] {
        guard let node = members[key] else { return [] }
        guard case .array(let elements) = node.value else {
            log.add(node.place, "is \(node.kind), not an array of tables; write [[\(key)]]")
            return []
        }
        return elements.compactMap { Section($0, table: table, log: log) }
    }

    /// The table of `[key]`; nil when it is left out or no table.
    func section(_ key: String, table: String) -> Section? {
        members[key].flatMap { Section($0, table: table, log: log) }
    }

    /// Logs each of these keys that is there, since another key's value leaves it without meaning.
    func refuse(_ keys: [String], _ reason: String) {
        for key in keys where has(key) { log.add(place(of: key), reason) }
    }

    private func defaultNode(of key: String) -> DocumentNode? {
        let spec = RouteFileSchema.keys(of: table).first { $0.name == key }
        guard var node = spec?.defaultLiteral.flatMap(TOMLDocument.value) else { return nil }
        node.place = place(of: key)
        return node
    }

    private func defaultValue<Value>(of key: String, _ kind: (DocumentNode) -> Reading<Value>) -> Located<Value>? {
        guard let node = defaultNode(of: key) else { return nil }
        guard case .value(let value) = kind(node) else {
            preconditionFailure("the schema's default of \(table).\(key) does not read")
        }
        return Located(value: value, place: node.place)
    }

    private func checkKeys() {
        let specs = RouteFileSchema.keys(of: table)
        for (name, node) in members.sorted(by: { $0.key < $1.key }) {
            switch specs.first(where: { $0.name == name })?.availability {
            case .now: continue
            case .later: log.add(node.place, "is not available in this version")
            case .secret(let instead):
                log.add(
                    node.place,
                    "a secret does not belong in the file; put it into an environment variable and name that with `\(instead)`"
                )
            case nil:
                let names = specs.filter { $0.availability == .now }.map(\.name)
                log.add(
                    node.place, table.isEmpty ? "unknown table" : "unknown key",
                    suggestion: NearestName.of(name, among: names))
            }
        }
    }
}
