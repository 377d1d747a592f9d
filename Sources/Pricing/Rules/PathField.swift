/// Where a parameter of a route's pattern stands in a path.
package struct PathField: Hashable, Sendable {
    /// The segment's place, counted from the end where it is negative: -1 is the last.
    private let place: Int

    /// Finds a parameter; nil where the pattern has none of this name, or it stands between two wildcards.
    package init?(_ name: String, in pattern: RoutePattern) {
        guard let index = pattern.segments.firstIndex(of: .parameter(name)) else { return nil }
        if !pattern.segments[..<index].contains(.wildcard) {
            place = index
        } else if !pattern.segments[index...].contains(.wildcard) {
            place = index - pattern.segments.count
        } else {
            return nil
        }
    }

    /// What the path of a canonical target says, with what other servers may read there.
    package func read(path: UnsafeRawBufferPointer, doubts: TargetDoubts) -> FieldReading {
        var segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if segments.last?.isEmpty == true { segments.removeLast() }
        let index = place < 0 ? segments.count + place : place
        guard segments.indices.contains(index) else { return .absent }
        let raw = UnsafeRawBufferPointer(rebasing: segments[index])
        var bytes: [UInt8] = []
        var at = 0
        while at < raw.count { bytes.append(SegmentHash.next(raw, &at)) }
        guard let value = String(validating: bytes, as: UTF8.self) else { return .doubtful(.badEncoding) }
        var text = FieldText(value)
        text.otherReadings = Self.otherReadings(of: value, doubts)
        if doubts.contains(.suffix), index == segments.count - 1 {
            for cut in [value.firstIndex(of: "."), value.lastIndex(of: ".")] {
                if let cut, cut > value.startIndex { text.stems.append(String(value[..<cut])) }
            }
        }
        return .text(text)
    }

    private static func otherReadings(of value: String, _ doubts: TargetDoubts) -> [String] {
        var readings: [String] = []
        if doubts.contains(.plus) { readings.append(value.replacing("+", with: " ")) }
        if doubts.contains(.encodedSlash) { readings += value.split(separator: "/").map(String.init) }
        if doubts.contains(.edge) {
            readings.append(String(value.reversed().drop { $0 == "." || $0 == " " }.reversed()))
        }
        if !doubts.isDisjoint(with: [.pathParameter, .encodedDelimiter]) {
            readings.append(String(value.prefix { !";?#".contains($0) }))
        }
        return readings.filter { $0 != value }
    }
}
