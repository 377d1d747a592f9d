/// The paths of body fields as a tree of names, with what has been met of each.
struct BodyFieldTree {
    struct Node {
        let name: [UInt8]
        /// The name as lenient readers compare it.
        let looseName: [UInt8]
        /// The place in a list that the name may mean.
        let index: Int?
        var children: [Int] = []
        /// The fields at or below the node.
        var fields: [Int] = []
        /// The fields that end here.
        var ends: [Int] = []
        var wasMet = false
        /// Its value has been read to the end.
        var isOver = false
    }

    private(set) var nodes: [Node]
    private(set) var readings: [FieldReading]
    /// The nodes that lead to each field, the root included.
    private var chains: [[Int]] = []

    static let root = 0

    init(_ paths: [[String]]) {
        nodes = [Node(name: [], looseName: [], index: nil)]
        readings = [FieldReading](repeating: .absent, count: paths.count)
        for (field, path) in paths.enumerated() {
            var chain = [Self.root]
            nodes[Self.root].fields.append(field)
            for name in path {
                let node = child(name, of: chain[chain.count - 1])
                nodes[node].fields.append(field)
                chain.append(node)
            }
            nodes[chain[chain.count - 1]].ends.append(field)
            chains.append(chain)
        }
    }

    private mutating func child(_ name: String, of parent: Int) -> Int {
        let bytes = Array(name.utf8)
        if let known = nodes[parent].children.first(where: { nodes[$0].name == bytes }) { return known }
        nodes.append(Node(name: bytes, looseName: TextFold.looseName(bytes), index: Int(name)))
        nodes[parent].children.append(nodes.count - 1)
        return nodes.count - 1
    }

    /// Whether every field has a value, or can have none any more but by a repetition.
    var isSettled: Bool { chains.allSatisfy { chain in chain.contains { nodes[$0].isOver } } }

    /// The child that a member's name leads to; notes a name that only some readers take for a child's.
    mutating func enter(_ name: [UInt8], of parent: Int) -> Int? {
        if nodes[parent].children.isEmpty { return nil }
        let loose = TextFold.looseName(name)
        var exact: Int?
        for child in nodes[parent].children where nodes[child].looseName == loose {
            if nodes[child].name == name { exact = child } else { doubt(child, .otherName) }
        }
        guard let exact else { return nil }
        if nodes[exact].wasMet { doubt(exact, .repeated) }
        nodes[exact].wasMet = true
        return exact
    }

    /// The child that is an element of a list.
    func element(_ index: Int, of parent: Int) -> Int? {
        nodes[parent].children.first { nodes[$0].index == index }
    }

    /// A list stands where only an object has the names that are looked for.
    mutating func openList(at node: Int) {
        for child in nodes[node].children where nodes[child].index == nil { doubt(child, .structure) }
        open(node)
    }

    mutating func open(_ node: Int) {
        for field in nodes[node].ends { set(field, .structure) }
    }

    /// The value is a single one; nil for null, which is as good as none.
    mutating func close(_ node: Int, with reading: FieldReading?) {
        if let reading {
            for field in nodes[node].ends { set(field, reading) }
            for child in nodes[node].children { doubt(child, .structure) }
        }
        nodes[node].isOver = true
    }

    /// The object or list is read to its end.
    mutating func close(_ node: Int) { nodes[node].isOver = true }

    private mutating func doubt(_ node: Int, _ doubt: FieldDoubt) {
        for field in nodes[node].fields { readings[field] = .doubtful(doubt) }
    }

    /// A doubt stays.
    private mutating func set(_ field: Int, _ reading: FieldReading) {
        if case .doubtful = readings[field] { return }
        readings[field] = reading
    }
}
