/// A path as one kind of server reads it: decoded, and then cut or folded by that server's habits.
struct PathReading {
    private var segments: [[UInt8]]
    /// Stands for a slash inside a segment; no canonical path has this byte.
    private static let keptSlash: UInt8 = 1

    init(_ path: UnsafeRawBufferPointer, keepingSlashes: Bool) {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(path.count)
        var index = 0
        while index < path.count {
            let isEncoded = path[index] == UInt8(ascii: "%")
            let byte = SegmentHash.next(path, &index)
            decoded.append(isEncoded && keepingSlashes && byte == UInt8(ascii: "/") ? Self.keptSlash : byte)
        }
        segments = decoded.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(
            Array.init)
        if segments.last == [] { segments.removeLast() }
    }

    /// The path as text for the table: already decoded.
    var path: [UInt8] {
        segments.isEmpty ? [UInt8(ascii: "/")] : segments.flatMap { [UInt8(ascii: "/")] + $0 }
    }

    /// Why such a reading cannot be let through at all.
    var refusal: TargetRefusal? {
        for segment in segments {
            if segment.isEmpty { return .emptySegment }
            if segment == [UInt8(ascii: ".")] || segment == [UInt8(ascii: "."), UInt8(ascii: ".")] {
                return .dotSegment
            }
        }
        return nil
    }

    /// Reads on as a server with all these habits would.
    mutating func apply(_ habits: TargetDoubts, literals: LiteralSpellings, firstDot: Bool) {
        if habits.contains(.encodedDelimiter) { cutAtDelimiter() }
        if habits.contains(.pathParameter) { each { $0.prefix { $0 != UInt8(ascii: ";") } } }
        if habits.contains(.plus) { each { $0.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }[...] } }
        let trims = habits.contains(.edge) || habits.contains(.plus)
        if trims { each(Self.trimmed) }
        if habits.contains(.suffix) { cutSuffix(firstDot: firstDot, afterSlash: habits.contains(.encodedSlash)) }
        if trims { each(Self.trimmed) }
        if habits.contains(.unicode) { segments = segments.map { literals.spelling(of: $0) ?? $0 } }
    }

    private mutating func each(_ transform: (ArraySlice<UInt8>) -> ArraySlice<UInt8>) {
        segments = segments.map { Array(transform($0[...])) }
    }

    /// A dot that leads a segment hides a file; but where the slash before it was encoded, it may end a suffix.
    private mutating func cutSuffix(firstDot: Bool, afterSlash: Bool) {
        guard let last = segments.popLast() else { return }
        let dots = last.indices.dropFirst(afterSlash ? 0 : 1).filter { last[$0] == UInt8(ascii: ".") }
        let dot = (firstDot ? dots.first : dots.last) ?? last.endIndex
        if dot > 0 { segments.append(Array(last[..<dot])) }
    }

    private mutating func cutAtDelimiter() {
        for (index, segment) in segments.enumerated() {
            let cut = segment.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
            guard let cut else { continue }
            segments.removeLast(segments.count - index)
            if cut > 0 { segments.append(Array(segment[..<cut])) }
            return
        }
    }

    /// Without spaces before, and without spaces and dots behind, as Windows file names are read.
    private static func trimmed(_ segment: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = segment.drop { $0 == UInt8(ascii: " ") }
        while let last = rest.last, last == UInt8(ascii: " ") || last == UInt8(ascii: ".") { rest.removeLast() }
        return rest
    }

    /// Where the last segment's suffixes begin: at its first and at its last dot, but not at a leading one.
    static func suffixes(of path: UnsafeRawBufferPointer) -> (first: Int?, last: Int?) {
        var end = path.count
        if end > 1, path[end - 1] == UInt8(ascii: "/") { end -= 1 }
        var first: Int?
        var last: Int?
        var index = end - 1
        while index > 0, path[index] != UInt8(ascii: "/") {
            if path[index] == UInt8(ascii: "."), path[index - 1] != UInt8(ascii: "/") {
                if last == nil { last = index }
                first = index
            }
            index -= 1
        }
        return (first, last)
    }
}

/// The literals of all patterns by what they become under case, width, normal form and trimming.
struct LiteralSpellings: Sendable {
    private var spellings: [String: [UInt8]] = [:]

    init(_ patterns: [RoutePattern]) {
        for case .literal(let bytes) in patterns.flatMap(\.segments) { spellings[Self.key(bytes)] = bytes }
    }

    /// The literal that a folding reader takes the segment for.
    func spelling(of segment: [UInt8]) -> [UInt8]? {
        guard segment.contains(where: { $0 >= 0x80 }) else { return nil }
        return spellings[Self.key(segment)]
    }

    /// Swift compares strings by canonical equivalence, so the key needs case and width only.
    ///
    /// Upper-casing first folds what has no lower case of its own: the long s, the dotless i.
    private static func key(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            if scalar.properties.isDefaultIgnorableCodePoint { continue }
            let isWide = (0xFF01...0xFF5E).contains(scalar.value)
            text.append(isWide ? Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar : scalar)
        }
        let head = text.drop { $0.properties.isWhitespace }
        let count = head.reversed().drop { $0.properties.isWhitespace }.count
        return String(String.UnicodeScalarView(head.prefix(count))).uppercased().lowercased()
    }
}
