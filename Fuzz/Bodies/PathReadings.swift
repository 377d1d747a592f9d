/// How servers behind a proxy read a path: every combination of the habits that are known of them.
///
/// It is written without the product's code, as a second opinion. Habits: decode percent-encoding once or twice, drop what
/// follows `;` in a segment, end the path at a decoded `?` or `#`, read a backslash as a slash, `+` as a space, drop a
/// format suffix, drop dots and spaces at the end of a segment.
enum PathReadings {
    static func all(of path: [UInt8]) -> Set<[UInt8]> {
        var readings: Set<[UInt8]> = []
        let mattering = habits(thatMatterFor: path)
        for habits in 0..<256 where habits & ~mattering == 0 {
            var bytes = path
            if habits & 1 != 0 { bytes = withoutParameters(bytes) }
            if habits & 2 != 0 { bytes = decoded(bytes) }
            if habits & 4 != 0 { bytes = decoded(bytes) }
            if habits & 8 != 0 { bytes = withoutParameters(bytes) }
            if habits & 16 != 0,
                let end = bytes.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") })
            {
                bytes.removeSubrange(end...)
            }
            if habits & 32 != 0 { bytes = bytes.map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 } }
            if habits & 64 != 0 { bytes = bytes.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 } }
            bytes = resolved(bytes, trimming: habits & 128 != 0)
            readings.insert(bytes)
            readings.insert(withoutSuffix(bytes))
        }
        return readings
    }

    /// Habits that could change the reading: with a percent sign any, since what it hides may be anything.
    private static func habits(thatMatterFor path: [UInt8]) -> Int {
        if path.contains(UInt8(ascii: "%")) { return 255 }
        let marks: [(String, Int)] = [(";", 1), ("?", 16), ("#", 16), ("\\", 32), ("+", 64), (".", 128), (" ", 128)]
        return marks.reduce(0) { path.contains($1.0.utf8.first ?? 0) ? $0 | $1.1 : $0 }
    }

    /// The cost of the dearest route that a naive, case-blind matcher finds, nil where it finds none.
    ///
    /// A path that spells a free exception out exactly is free in every reading.
    static func cost(of path: [UInt8], routes: [(String, Int)]) -> Int? {
        let segments = split(lowercased(path))
        var best: (rank: [Int], cost: Int)?
        for (pattern, cost) in routes {
            let words = pattern.split(separator: " ", maxSplits: 1)
            let wanted = split(lowercased(decoded(Array((words.last ?? "").utf8))))
            guard let rank = rank(of: segments, against: wanted) else { continue }
            if best.map({ rank.lexicographicallyPrecedes($0.rank) }) ?? true { best = (rank, cost) }
        }
        return best?.cost
    }

    /// 0 for a literal, 1 for a name, 2 for the rest: the smaller list is the more specific route.
    private static func rank(of segments: [[UInt8]], against pattern: [[UInt8]]) -> [Int]? {
        var rank: [Int] = []
        for (index, wanted) in pattern.enumerated() {
            if wanted == [UInt8(ascii: "*")] {
                return index < segments.count || index == pattern.count - 1 ? rank + [2] : nil
            }
            guard index < segments.count else { return nil }
            if wanted.first == UInt8(ascii: ":") {
                if segments[index].isEmpty { return nil }
                rank.append(1)
            } else {
                guard wanted == segments[index] else { return nil }
                rank.append(0)
            }
        }
        return segments.count == pattern.count ? rank : nil
    }

    private static func split(_ path: [UInt8]) -> [[UInt8]] {
        path.split(separator: UInt8(ascii: "/")).map(Array.init)
    }

    private static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = hex(bytes[index + 1]), let low = hex(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func withoutParameters(_ bytes: [UInt8]) -> [UInt8] {
        let segments = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return Array(segments.map { $0.prefix { $0 != UInt8(ascii: ";") } }.joined(separator: [UInt8(ascii: "/")]))
    }

    private static func withoutSuffix(_ bytes: [UInt8]) -> [UInt8] {
        let start = bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0
        guard let dot = bytes[start...].firstIndex(of: UInt8(ascii: ".")), dot > start + 1 else { return bytes }
        return Array(bytes[..<dot])
    }

    /// Slashes collapsed and dot segments resolved.
    private static func resolved(_ bytes: [UInt8], trimming: Bool) -> [UInt8] {
        var kept: [[UInt8]] = []
        for var segment in split(bytes) {
            if segment == [UInt8(ascii: ".")] { continue }
            if segment == [UInt8(ascii: "."), UInt8(ascii: ".")] {
                kept = kept.dropLast()
                continue
            }
            if trimming {
                while let last = segment.last, last == UInt8(ascii: ".") || last == 0x20 { segment.removeLast() }
            }
            kept.append(segment)
        }
        return [UInt8(ascii: "/")] + Array(kept.joined(separator: [UInt8(ascii: "/")]))
    }
}
