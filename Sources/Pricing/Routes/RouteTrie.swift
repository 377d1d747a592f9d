/// The routes as a tree of segments in flat arrays; walking it allocates nothing.
///
/// At each node the literal child is tried first, then the parameter, then the wildcards; the first path that ends in a
/// group is the most specific. The tree has one root per host and one for routes without a host.
struct RouteTrie {
    /// The root of routes that name no host.
    static let anyHost: Int32 = 0
    /// The parent of the roots of hosts in the table of edges.
    private static let hosts: Int32 = -1

    private struct Node {
        var parameter: Int32 = -1
        var group: Int32 = -1
        /// The group of a trailing wildcard whose bare prefix ends here.
        var impliedGroup: Int32 = -1
        var tails: [Tail] = []
    }

    /// What follows the first wildcard of a pattern.
    private struct Tail {
        var shape: RouteShape
        var tokens: [Token]
        var group: Int32
    }

    private enum Token {
        case literal(Literal)
        case parameter
        case wildcard
    }

    private struct Literal {
        var start: Int32
        var count: Int32
    }

    private struct Edge {
        var hash: UInt64
        var parent: Int32
        var child: Int32
        var literal: Literal
    }

    private var nodes: [Node] = [Node()]
    private var edges: [Edge] = []
    /// Open addressing: index of an edge, or -1.
    private var slots: [Int32] = []
    private var shift: UInt64 = 0
    private var spellings: [UInt8] = []
    private var hasHosts = false

    /// One entry: where a shape leads, in the spelling of its pattern.
    struct Entry {
        var shape: RouteShape
        var pattern: RoutePattern
        var group: Int32
    }

    init(_ entries: [Entry]) {
        for entry in entries { insert(entry) }
        for index in nodes.indices { nodes[index].tails.sort { $0.shape.precedes($1.shape) } }
        var bits: UInt64 = 3
        while (1 << bits) < edges.count * 2 { bits += 1 }
        shift = 64 - bits
        slots = [Int32](repeating: -1, count: 1 << Int(bits))
        for (index, edge) in edges.enumerated() {
            var slot = Int(edge.hash &>> shift)
            while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(index)
        }
    }
}

// MARK: - Building

extension RouteTrie {
    private mutating func insert(_ entry: Entry) {
        var node = Self.anyHost
        if let host = entry.shape.host {
            node = child(of: Self.hosts, literal: Array(host.utf8))
            hasHosts = true
        }
        for (index, segment) in entry.shape.segments.enumerated() {
            switch segment {
            case .literal: node = child(of: node, literal: entry.literal(at: index))
            case .parameter: node = parameter(of: node)
            case .wildcard:
                let tokens = ((index + 1)..<entry.shape.segments.count).map { token(entry, at: $0) }
                nodes[Int(node)].tails.append(Tail(shape: entry.shape, tokens: tokens, group: entry.group))
                return
            }
        }
        if entry.shape.isImplied {
            nodes[Int(node)].impliedGroup = entry.group
        } else {
            nodes[Int(node)].group = entry.group
        }
    }

    private mutating func token(_ entry: Entry, at index: Int) -> Token {
        switch entry.shape.segments[index] {
        case .literal: .literal(spell(entry.literal(at: index)))
        case .parameter: .parameter
        case .wildcard: .wildcard
        }
    }

    private mutating func parameter(of node: Int32) -> Int32 {
        if nodes[Int(node)].parameter < 0 {
            nodes[Int(node)].parameter = Int32(nodes.count)
            nodes.append(Node())
        }
        return nodes[Int(node)].parameter
    }

    private mutating func child(of parent: Int32, literal: [UInt8]) -> Int32 {
        let hash = literal.withUnsafeBytes { bytes in
            var hash = SegmentHash()
            for byte in bytes { hash.add(PathFold.lower(byte)) }
            return hash.value(under: parent)
        }
        let folded = literal.map(PathFold.lower)
        for edge in edges where edge.hash == hash && edge.parent == parent {
            if spelling(of: edge.literal).map(PathFold.lower) == folded { return edge.child }
        }
        let child = Int32(nodes.count)
        nodes.append(Node())
        edges.append(Edge(hash: hash, parent: parent, child: child, literal: spell(literal)))
        return child
    }

    private mutating func spell(_ literal: [UInt8]) -> Literal {
        spellings.append(contentsOf: literal)
        return Literal(start: Int32(spellings.count - literal.count), count: Int32(literal.count))
    }

    private func spelling(of literal: Literal) -> ArraySlice<UInt8> {
        spellings[Int(literal.start)..<Int(literal.start + literal.count)]
    }
}

extension RouteTrie.Entry {
    fileprivate func literal(at index: Int) -> [UInt8] {
        guard case .literal(let bytes) = pattern.segments[index] else { return [] }
        return bytes
    }
}

// MARK: - Walking

extension RouteTrie {
    /// How letters compare on a walk, and whether a literal was met in another case.
    struct Letters {
        var areSignificant: Bool
        var sawOtherCase = false
    }

    /// The group of the most specific shape of the path, or -1.
    func group(host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer, letters: inout Letters) -> Int32 {
        var end = path.count
        if end > 0, path[end &- 1] == UInt8(ascii: "/") { end &-= 1 }
        if hasHosts, !host.isEmpty {
            var hash = SegmentHash()
            for byte in host { hash.add(PathFold.lower(byte)) }
            var anyCase = Letters(areSignificant: false)
            let root = edge(from: Self.hosts, hash: hash, segment: host, letters: &anyCase)
            if root >= 0 {
                let found = walk(root, path, 1, end, &letters)
                if found >= 0 { return found }
            }
        }
        return walk(Self.anyHost, path, 1, end, &letters)
    }

    /// `start` is the first byte of the next segment, beyond `end` when there is none.
    private func walk(
        _ node: Int32, _ path: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ letters: inout Letters
    ) -> Int32 {
        if start > end {
            let group = nodes[Int(node)].group
            return group >= 0 ? group : nodes[Int(node)].impliedGroup
        }
        var hash = SegmentHash()
        let segmentEnd = hash.addSegment(of: path, from: start, to: end)
        let segment = UnsafeRawBufferPointer(rebasing: path[start..<segmentEnd])
        let child = edge(from: node, hash: hash, segment: segment, letters: &letters)
        if child >= 0 {
            let found = walk(child, path, segmentEnd &+ 1, end, &letters)
            if found >= 0 { return found }
        }
        let parameter = nodes[Int(node)].parameter
        if parameter >= 0 {
            let found = walk(parameter, path, segmentEnd &+ 1, end, &letters)
            if found >= 0 { return found }
        }
        return tail(of: node, path, segmentEnd &+ 1, end, &letters)
    }

    @inline(__always)
    private func edge(
        from parent: Int32, hash: SegmentHash, segment: UnsafeRawBufferPointer, letters: inout Letters
    ) -> Int32 {
        let value = hash.value(under: parent)
        var slot = Int(value &>> shift)
        while true {
            let index = slots[slot]
            if index < 0 { return -1 }
            let edge = edges[Int(index)]
            if edge.hash == value, edge.parent == parent, matches(edge.literal, segment, &letters) { return edge.child }
            slot = (slot &+ 1) & (slots.count &- 1)
        }
    }

    /// Whether the segment, percent-decoded, is the literal.
    private func matches(_ literal: Literal, _ segment: UnsafeRawBufferPointer, _ letters: inout Letters) -> Bool {
        spellings.withUnsafeBufferPointer { spellings in
            var at = Int(literal.start)
            let end = at &+ Int(literal.count)
            var isExact = true
            var index = 0
            while index < segment.count {
                guard at < end else { return false }
                let byte = SegmentHash.next(segment, &index)
                let expected = spellings[at]
                if byte != expected {
                    guard PathFold.lower(byte) == PathFold.lower(expected) else { return false }
                    isExact = false
                }
                at &+= 1
            }
            guard at == end else { return false }
            if !isExact {
                if letters.areSignificant { return false }
                letters.sawOtherCase = true
            }
            return true
        }
    }

    /// The first pattern after a wildcard that took the segment before `start` and perhaps more.
    private func tail(
        of node: Int32, _ path: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ letters: inout Letters
    ) -> Int32 {
        for tail in nodes[Int(node)].tails where matches(tail.tokens, path, start, end, &letters) { return tail.group }
        return -1
    }

    /// Matches with one point of return, the last wildcard, so that time stays within tokens × bytes.
    private func matches(
        _ tokens: [Token], _ path: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ letters: inout Letters
    ) -> Bool {
        if tokens.isEmpty { return true }
        var position = start
        var token = 0
        // The leading wildcard already took one segment; it may take those from `start` too.
        var returnToken = 0
        var returnPosition = start
        while true {
            if token == tokens.count, position > end { return true }
            if token < tokens.count, position <= end {
                let segmentEnd = SegmentHash.segmentEnd(of: path, from: position, to: end)
                let segment = UnsafeRawBufferPointer(rebasing: path[position..<segmentEnd])
                if takes(tokens[token], segment, &letters) {
                    if case .wildcard = tokens[token] {
                        returnToken = token + 1
                        returnPosition = segmentEnd + 1
                    }
                    token += 1
                    position = segmentEnd + 1
                    continue
                }
            }
            guard returnPosition <= end else { return false }
            returnPosition = SegmentHash.segmentEnd(of: path, from: returnPosition, to: end) + 1
            token = returnToken
            position = returnPosition
        }
    }

    private func takes(_ token: Token, _ segment: UnsafeRawBufferPointer, _ letters: inout Letters) -> Bool {
        switch token {
        case .literal(let literal): matches(literal, segment, &letters)
        case .parameter, .wildcard: true
        }
    }
}
