/// A place in a JSON text: names of members, and `*` for each element of an array.
///
/// `usage.completion_tokens`, `*.usageMetadata.totalTokenCount`. A name holds no dot.
package struct UsagePath: Hashable, Sendable {
    /// Names and arrays from the top to the value at most.
    package static let maximumDepth = 8
    /// Bytes of a name at most.
    package static let maximumNameBytes = 63

    package enum Segment: Hashable, Sendable {
        case name([UInt8])
        case element
    }

    package let segments: [Segment]

    /// Nil where a part is empty or too long, or there are too many.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= Self.maximumDepth else { return nil }
        var segments: [Segment] = []
        for part in parts {
            guard !part.isEmpty, part.count <= Self.maximumNameBytes else { return nil }
            segments.append(part.elementsEqual("*".utf8) ? .element : .name(Array(part)))
        }
        self.segments = segments
    }
}

/// Paths worked out for a scanner: which of them go on or end at each depth.
///
/// A set of paths is a mask with a bit for each.
final class UsagePathSet: Sendable {
    /// Paths that one scanner looks for at most.
    static let maximumCount = 16

    /// For each depth: paths that end there.
    let ending: [UInt16]
    /// For each depth: paths that go on with a name.
    let named: [UInt16]
    /// For each depth: paths that go on with any element.
    let open: [UInt16]
    let all: UInt16
    /// For each depth: bits of the lengths of names that are looked for.
    private let lengths: [UInt64]
    /// Path by path and depth by depth: where its name stands in `bytes`.
    private let names: [Range<Int>]
    private let bytes: [UInt8]
    private let ignoresCase: Bool

    /// - Parameter ignoresCase: Names match in any case of their ASCII letters, as some JSON readers have it.
    init(_ paths: [UsagePath], ignoresCase: Bool = false) {
        precondition(paths.count <= Self.maximumCount, "a scanner looks for \(Self.maximumCount) paths at most")
        let depths = UsagePath.maximumDepth + 1
        var ending = [UInt16](repeating: 0, count: depths)
        var named = ending
        var open = ending
        var lengths = [UInt64](repeating: 0, count: depths)
        var names = [Range<Int>](repeating: 0..<0, count: paths.count * depths)
        var bytes: [UInt8] = []
        for (index, path) in paths.enumerated() {
            let bit = UInt16(1) << UInt16(index)
            ending[path.segments.count] |= bit
            for (depth, segment) in path.segments.enumerated() {
                switch segment {
                case .element: open[depth] |= bit
                case .name(let name):
                    named[depth] |= bit
                    lengths[depth] |= 1 << UInt64(name.count)
                    names[index * depths + depth] = bytes.count..<bytes.count + name.count
                    bytes += ignoresCase ? name.map(Self.lowered) : name
                }
            }
        }
        all = paths.isEmpty ? 0 : UInt16.max >> UInt16(Self.maximumCount - paths.count)
        self.ending = ending
        self.named = named
        self.open = open
        self.lengths = lengths
        self.names = names
        self.bytes = bytes
        self.ignoresCase = ignoresCase
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    private func isSame(_ wanted: UInt8, _ byte: UInt8) -> Bool {
        wanted == (ignoresCase ? Self.lowered(byte) : byte)
    }

    /// Those of the candidates whose name at this depth is `name`.
    @inline(__always)
    func matching(_ name: UnsafeRawBufferPointer, of candidates: UInt16, depth: Int) -> UInt16 {
        guard name.count <= UsagePath.maximumNameBytes, lengths[depth] &>> UInt64(name.count) & 1 == 1 else { return 0 }
        return compared(name, of: candidates, depth: depth)
    }

    private func compared(_ name: UnsafeRawBufferPointer, of candidates: UInt16, depth: Int) -> UInt16 {
        var found: UInt16 = 0
        var rest = candidates
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            let wanted = names[index * (UsagePath.maximumDepth + 1) + depth]
            guard wanted.count == name.count else { continue }
            if bytes[wanted].elementsEqual(name, by: isSame) { found |= 1 << UInt16(index) }
        }
        return found
    }

    /// Those of the candidates whose name has this byte at this place.
    func matching(byte: UInt8, at place: Int, of candidates: UInt16, depth: Int) -> UInt16 {
        filtered(candidates, depth: depth) { $0.count > place && isSame(bytes[$0.lowerBound + place], byte) }
    }

    /// Those of the candidates whose name is this long.
    func matching(length: Int, of candidates: UInt16, depth: Int) -> UInt16 {
        filtered(candidates, depth: depth) { $0.count == length }
    }

    private func filtered(_ candidates: UInt16, depth: Int, _ fits: (Range<Int>) -> Bool) -> UInt16 {
        var found: UInt16 = 0
        var rest = candidates
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            if fits(names[index * (UsagePath.maximumDepth + 1) + depth]) { found |= 1 << UInt16(index) }
        }
        return found
    }
}
