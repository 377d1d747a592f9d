/// A pattern's path as precedence sees it: letter case folded, parameters without names.
///
/// A pattern that ends in `/*` has two shapes: its own, and the implied one of its bare prefix.
struct RouteShape: Hashable {
    enum Segment: Hashable {
        case literal([UInt8])
        case parameter
        case wildcard

        /// Literal before parameter before wildcard.
        fileprivate var rank: Int {
            switch self {
            case .literal: 0
            case .parameter: 1
            case .wildcard: 2
            }
        }
    }

    var host: String?
    var segments: [Segment]
    var isImplied = false

    /// The shapes that the pattern matches by, the explicit one first.
    static func shapes(of pattern: RoutePattern) -> [RouteShape] {
        let segments = pattern.segments.map { segment in
            switch segment {
            case .literal(let bytes): Segment.literal(bytes.map(PathFold.lower))
            case .parameter: Segment.parameter
            case .wildcard: Segment.wildcard
            }
        }
        let own = RouteShape(host: pattern.host, segments: segments)
        guard segments.last == .wildcard else { return [own] }
        return [own, RouteShape(host: pattern.host, segments: segments.dropLast(), isImplied: true)]
    }

    /// Whether this shape is tried before the other, which must have the same host.
    func precedes(_ other: RouteShape) -> Bool {
        for (mine, theirs) in zip(segments, other.segments) where mine.rank != theirs.rank {
            return mine.rank < theirs.rank
        }
        if segments.count != other.segments.count { return segments.count > other.segments.count }
        return !isImplied && other.isImplied
    }

    /// Whether neither precedes the other although some path has both shapes.
    func ties(with other: RouteShape) -> Bool {
        guard host == other.host, self != other, !precedes(other), !other.precedes(self) else { return false }
        return Self.meet(segments, other.segments)
    }

    /// Whether some path matches both; a wildcard takes one segment or more.
    private static func meet(_ left: [Segment], _ right: [Segment]) -> Bool {
        var meets = [[Bool]](repeating: [Bool](repeating: false, count: right.count + 1), count: left.count + 1)
        meets[left.count][right.count] = true
        for i in left.indices.reversed() {
            for j in right.indices.reversed() {
                if case .literal(let one) = left[i], case .literal(let two) = right[j], one != two { continue }
                meets[i][j] =
                    meets[i + 1][j + 1] || (left[i] == .wildcard && meets[i][j + 1])
                    || (right[j] == .wildcard && meets[i + 1][j])
            }
        }
        return meets[0][0]
    }
}

/// Letter case of path bytes.
enum PathFold {
    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }
}
