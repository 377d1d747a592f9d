/// The routes as a tree of segments in flat memory; walking it allocates and counts nothing.
///
/// At each node the literal child is tried first, then the parameter, then the wildcards; the first path that ends in a
/// group is the most specific. The tree has one root per host and one for routes without a host.
///
/// Unchecked because of the buffers, which are filled by `init` and never written again.
final class RouteTrie: @unchecked Sendable {
    /// The root of routes that name no host.
    static let anyHost: Int32 = 0
    /// The parent of the roots of hosts in the table of edges.
    static let hosts: Int32 = -1

    struct Node {
        var parameter: Int32 = -1
        var group: Int32 = -1
        /// The group of a trailing wildcard whose bare prefix ends here.
        var impliedGroup: Int32 = -1
        var firstTail: Int32 = 0
        var tailCount: Int32 = 0
    }

    /// What follows the first wildcard of a pattern.
    struct Tail {
        var firstToken: Int32
        var tokenCount: Int32
        var group: Int32
    }

    enum Token {
        case literal(Literal)
        case parameter
        case wildcard
    }

    /// A literal's bytes among all spellings.
    struct Literal {
        var start: Int32
        var count: Int32
    }

    struct Edge {
        var hash: UInt64
        var parent: Int32
        var child: Int32
        var literal: Literal
    }

    private let nodes: UnsafeBufferPointer<Node>
    private let edges: UnsafeBufferPointer<Edge>
    private let slots: UnsafeBufferPointer<Int32>
    private let shift: UInt64
    private let tails: UnsafeBufferPointer<Tail>
    private let tokens: UnsafeBufferPointer<Token>
    private let spellings: UnsafeBufferPointer<UInt8>
    private let hasHosts: Bool

    init(_ entries: [RouteTrieEntry]) {
        var builder = RouteTrieBuilder(entries)
        let (tails, tokens) = builder.layOutTails()
        let (slots, shift) = builder.slots()
        self.nodes = Self.copy(builder.nodes)
        self.edges = Self.copy(builder.edges)
        self.slots = Self.copy(slots)
        self.shift = shift
        self.tails = Self.copy(tails)
        self.tokens = Self.copy(tokens)
        self.spellings = Self.copy(builder.spellings)
        self.hasHosts = builder.hasHosts
    }

    deinit {
        nodes.deallocate()
        edges.deallocate()
        slots.deallocate()
        tails.deallocate()
        tokens.deallocate()
        spellings.deallocate()
    }

    private static func copy<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = buffer.initialize(from: elements)
        return UnsafeBufferPointer(buffer)
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
            for byte in host { hash.add(byte) }
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
        _ root: Int32, _ path: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ letters: inout Letters
    ) -> Int32 {
        let node = nodes[Int(root)]
        if start > end { return node.group >= 0 ? node.group : node.impliedGroup }
        var hash = SegmentHash()
        let segmentEnd = hash.addSegment(of: path, from: start, to: end)
        let segment = UnsafeRawBufferPointer(rebasing: path[start..<segmentEnd])
        let child = edge(from: root, hash: hash, segment: segment, letters: &letters)
        if child >= 0 {
            let found = walk(child, path, segmentEnd &+ 1, end, &letters)
            if found >= 0 { return found }
        }
        if node.parameter >= 0 {
            let found = walk(node.parameter, path, segmentEnd &+ 1, end, &letters)
            if found >= 0 { return found }
        }
        // The wildcard takes this segment, and any number of those behind it.
        for index in 0..<Int(node.tailCount) {
            let tail = tails[Int(node.firstTail) &+ index]
            if tail.tokenCount == 0 || matches(tail, path, segmentEnd &+ 1, end, &letters) { return tail.group }
        }
        return -1
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
        if isExact { return true }
        letters.sawOtherCase = true
        return !letters.areSignificant
    }

    /// Whether the tail is the rest of the path from `start`, or from a later segment.
    ///
    /// There is one point of return, the last wildcard, so that time stays within tokens × bytes.
    private func matches(
        _ tail: Tail, _ path: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ letters: inout Letters
    ) -> Bool {
        let count = Int(tail.tokenCount)
        var position = start
        var token = 0
        var returnToken = 0
        var returnPosition = start
        while true {
            if token == count, position > end { return true }
            if token < count, position <= end {
                let segmentEnd = SegmentHash.segmentEnd(of: path, from: position, to: end)
                let segment = UnsafeRawBufferPointer(rebasing: path[position..<segmentEnd])
                let next = tokens[Int(tail.firstToken) &+ token]
                if takes(next, segment, &letters) {
                    token += 1
                    position = segmentEnd + 1
                    if case .wildcard = next {
                        returnToken = token
                        returnPosition = position
                    }
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
