/// One shape, where it leads, and the pattern that spells it.
struct RouteTrieEntry {
    var shape: RouteShape
    var pattern: RoutePattern
    var group: Int32

    fileprivate func literal(at index: Int) -> [UInt8] {
        guard case .literal(let bytes) = pattern.segments[index] else { return [] }
        return bytes
    }
}

/// Collects shapes into the parts of a `RouteTrie`.
struct RouteTrieBuilder {
    private struct Tail {
        var shape: RouteShape
        var tokens: [RouteTrie.Token]
        var group: Int32
    }

    private struct Place: Hashable {
        var parent: Int32
        var folded: [UInt8]
    }

    private(set) var nodes = [RouteTrie.Node()]
    private(set) var edges: [RouteTrie.Edge] = []
    private(set) var spellings: [UInt8] = []
    private(set) var hasHosts = false
    private var tails: [[Tail]] = [[]]
    private var children: [Place: Int32] = [:]

    init(_ entries: [RouteTrieEntry]) {
        for entry in entries { insert(entry) }
    }

    /// Tails and their tokens laid out flat, the most specific of a node first; the nodes learn where.
    mutating func layOutTails() -> (tails: [RouteTrie.Tail], tokens: [RouteTrie.Token]) {
        var flat: [RouteTrie.Tail] = []
        var tokens: [RouteTrie.Token] = []
        for index in nodes.indices {
            nodes[index].firstTail = Int32(flat.count)
            nodes[index].tailCount = Int32(tails[index].count)
            for tail in tails[index].sorted(by: { $0.shape.precedes($1.shape) }) {
                let first = Int32(tokens.count)
                tokens.append(contentsOf: tail.tokens)
                flat.append(RouteTrie.Tail(firstToken: first, tokenCount: Int32(tail.tokens.count), group: tail.group))
            }
        }
        return (flat, tokens)
    }

    /// The indices of edges by hash, in open addressing at half load; -1 is an empty slot.
    ///
    /// An edge belongs into the slot of its hash shifted right, or the next free one.
    func slots() -> (slots: [Int32], shift: UInt64) {
        var bits: UInt64 = 3
        while (1 << bits) < edges.count * 2 { bits += 1 }
        let shift = 64 - bits
        var slots = [Int32](repeating: -1, count: 1 << Int(bits))
        for (index, edge) in edges.enumerated() {
            var slot = Int(edge.hash &>> shift)
            while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(index)
        }
        return (slots, shift)
    }

    private mutating func insert(_ entry: RouteTrieEntry) {
        var node = RouteTrie.anyHost
        if let host = entry.shape.host {
            node = child(of: RouteTrie.hosts, literal: Array(host.utf8))
            hasHosts = true
        }
        for (index, segment) in entry.shape.segments.enumerated() {
            switch segment {
            case .literal: node = child(of: node, literal: entry.literal(at: index))
            case .parameter: node = parameter(of: node)
            case .wildcard:
                let tokens = ((index + 1)..<entry.shape.segments.count).map { token(entry, at: $0) }
                tails[Int(node)].append(Tail(shape: entry.shape, tokens: tokens, group: entry.group))
                return
            }
        }
        if entry.shape.isImplied {
            nodes[Int(node)].impliedGroup = entry.group
        } else {
            nodes[Int(node)].group = entry.group
        }
    }

    private mutating func token(_ entry: RouteTrieEntry, at index: Int) -> RouteTrie.Token {
        switch entry.shape.segments[index] {
        case .literal: .literal(spell(entry.literal(at: index)))
        case .parameter: .parameter
        case .wildcard: .wildcard
        }
    }

    private mutating func newNode() -> Int32 {
        nodes.append(RouteTrie.Node())
        tails.append([])
        return Int32(nodes.count - 1)
    }

    private mutating func parameter(of node: Int32) -> Int32 {
        if nodes[Int(node)].parameter >= 0 { return nodes[Int(node)].parameter }
        let child = newNode()
        nodes[Int(node)].parameter = child
        return child
    }

    private mutating func child(of parent: Int32, literal: [UInt8]) -> Int32 {
        let place = Place(parent: parent, folded: literal.map(PathFold.lower))
        if let known = children[place] { return known }
        var hash = SegmentHash()
        for byte in literal { hash.add(byte) }
        let child = newNode()
        children[place] = child
        edges.append(
            RouteTrie.Edge(hash: hash.value(under: parent), parent: parent, child: child, literal: spell(literal)))
        return child
    }

    private mutating func spell(_ literal: [UInt8]) -> RouteTrie.Literal {
        spellings.append(contentsOf: literal)
        return RouteTrie.Literal(start: Int32(spellings.count - literal.count), count: Int32(literal.count))
    }
}
