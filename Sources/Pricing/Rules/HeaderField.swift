/// Reads one field of a request's head for a price list, line by line.
package struct HeaderField: Sendable {
    private let name: [UInt8]
    private let folded: [UInt8]
    /// What the lines so far say.
    package private(set) var reading = FieldReading.absent

    /// `name` is in lower case.
    package init(_ name: String) {
        self.name = Array(name.utf8)
        folded = self.name.map(Self.fold)
    }

    /// Takes a line that is forwarded; one that is not must not be shown.
    ///
    /// Servers after the manner of CGI read `_` and `-` in a name as one (RFC 3875 §4.1.18).
    package mutating func take(name other: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard other.count == name.count else { return }
        var isExact = true
        for (index, byte) in other.enumerated() {
            let lower = PathFold.lower(byte)
            guard Self.fold(lower) == folded[index] else { return }
            if lower != name[index] { isExact = false }
        }
        guard isExact else { return reading = .doubtful(.otherName) }
        guard reading == .absent else { return reading = .doubtful(.repeated) }
        reading = String(validating: value, as: UTF8.self).map { .text($0) } ?? .doubtful(.badEncoding)
    }

    private static func fold(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte }
}
