/// One habit of servers in reading a path, written down without regard to how ours is written.
struct PathHabit: Sendable {
    var name: String
    var read: @Sendable ([UInt8]) -> [UInt8]
}

/// What nginx, Go, Python, Express, servlet containers, IIS and frameworks on them are known to do, each alone.
enum PathReaders {
    static let habits: [PathHabit] = decoders + cutters + folders

    private static let decoders = [
        PathHabit(name: "decodes once") { decode($0) },
        PathHabit(name: "decodes twice") { decode(decode($0)) },
        PathHabit(name: "decodes overlong UTF-8") { overlong(decode($0)) },
        PathHabit(name: "decodes %u") { decodeU($0) },
        PathHabit(name: "decodes plus") { $0.map { $0 == ascii("+") ? ascii(" ") : $0 } },
    ]

    private static let cutters = [
        PathHabit(name: "ends at a question mark") { Array($0.prefix { $0 != ascii("?") }) },
        PathHabit(name: "ends at a number sign") { Array($0.prefix { $0 != ascii("#") }) },
        PathHabit(name: "ends at NUL") { Array($0.prefix { $0 != 0 }) },
        PathHabit(name: "drops parameters") { path in
            join(split(path).map { Array($0.prefix { $0 != ascii(";") }) })
        },
        PathHabit(name: "drops a suffix") { path in
            var segments = split(path)
            while segments.last == [] { segments.removeLast() }
            guard let last = segments.popLast() else { return path }
            let dot = last.lastIndex(of: ascii(".")) ?? last.endIndex
            return join(segments + [dot == 0 ? last : Array(last[..<dot])])
        },
        PathHabit(name: "drops controls") { $0.filter { $0 >= 0x20 && $0 != 0x7F } },
    ]

    private static let folders = [
        PathHabit(name: "collapses slashes") { path in
            join(split(path).enumerated().filter { $0.offset == 0 || $0.element != [] }.map(\.element))
        },
        PathHabit(name: "resolves dots") { resolve($0) },
        PathHabit(name: "turns backslashes") { $0.map { $0 == ascii("\\") ? ascii("/") : $0 } },
        PathHabit(name: "lower-cases") { Array(String(decoding: $0, as: UTF8.self).lowercased().utf8) },
        PathHabit(name: "upper-cases") { Array(String(decoding: $0, as: UTF8.self).uppercased().utf8) },
        PathHabit(name: "strips dots and spaces") { path in
            join(split(path).map { String(decoding: $0, as: UTF8.self).droppingTail(" .") })
        },
        PathHabit(name: "trims segments") { path in
            join(
                split(path).map { $0.drop { $0 == ascii(" ") } }.map {
                    String(decoding: $0, as: UTF8.self).droppingTail(" ")
                })
        },
        PathHabit(name: "folds full width") { path in
            var text = String.UnicodeScalarView()
            for scalar in String(decoding: path, as: UTF8.self).unicodeScalars {
                let isLetter =
                    (0xFF21...0xFF5A).contains(scalar.value) || scalar.value == 0xFF0F || scalar.value == 0xFF0E
                text.append(isLetter ? Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar : scalar)
            }
            return Array(String(text).utf8)
        },
    ]

    private static func ascii(_ scalar: Unicode.Scalar) -> UInt8 { UInt8(ascii: scalar) }

    private static func split(_ path: [UInt8]) -> [[UInt8]] {
        path.split(separator: ascii("/"), omittingEmptySubsequences: false).map(Array.init)
    }

    private static func join(_ segments: [[UInt8]]) -> [UInt8] { Array(segments.joined(separator: [ascii("/")])) }

    private static func decode(_ path: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = path[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == ascii("%"), digits.utf8.count == 2, !digits.hasPrefix("+"), let value = UInt8(digits, radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func decodeU(_ path: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = path[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.dropFirst().prefix(4), as: UTF8.self)
            if byte == ascii("%"), rest.first.map({ $0 | 0x20 == ascii("u") }) == true,
                let value = UInt16(digits, radix: 16),
                value < 0x80
            {
                result.append(UInt8(value))
                rest = rest.dropFirst(5)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    /// Takes two-byte forms for the ASCII that they spell.
    private static func overlong(_ path: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = path[...]
        while let byte = rest.popFirst() {
            if byte == 0xC0 || byte == 0xC1, let next = rest.first, next & 0xC0 == 0x80 {
                result.append((byte & 1) << 6 | next & 0x3F)
                rest = rest.dropFirst()
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func resolve(_ path: [UInt8]) -> [UInt8] {
        var kept: [[UInt8]] = []
        for segment in split(path).dropFirst() {
            switch String(decoding: segment, as: UTF8.self) {
            case ".": continue
            case "..": _ = kept.popLast()
            default: kept.append(segment)
            }
        }
        return [ascii("/")] + join(kept)
    }
}

extension String {
    fileprivate func droppingTail(_ characters: String) -> [UInt8] {
        var bytes = Array(utf8)
        while let last = bytes.last, characters.utf8.contains(last) { bytes.removeLast() }
        return bytes
    }
}
