/// Reads parameters of a query as a price list must: every spelling that some server takes for one of them counts.
package enum QueryFields {
    /// The readings of these parameters; `query` is the part of a canonical target behind its question mark.
    ///
    /// A parameter that is there twice, or once under a name that only lenient servers take for it, is doubtful.
    package static func read(_ names: [String], query: UnsafeRawBufferPointer) -> [FieldReading] {
        let wanted = names.map { (name: Array($0.utf8), loose: loose(Array($0.utf8))) }
        var readings = [FieldReading](repeating: .absent, count: names.count)
        for part in query.split(separator: UInt8(ascii: "&")) {
            // Some servers take a semicolon for an ampersand (HTML 4.01 §B.2.2).
            for (index, piece) in part.split(separator: UInt8(ascii: ";")).enumerated() {
                let whole = index == 0 ? part : piece
                let (rawName, rawValue) = cut(whole)
                let name = decoded(rawName)
                for (at, field) in wanted.enumerated() {
                    let isExact = index == 0 && !name.isBroken && name.bytes == field.name
                    guard isExact || isTaken(name.bytes, for: field.loose) else { continue }
                    guard isExact, readings[at] == .absent else {
                        readings[at] = .doubtful(readings[at] == .absent ? .otherName : .repeated)
                        continue
                    }
                    readings[at] = value(of: rawValue)
                }
            }
        }
        return readings
    }

    private static func value(of raw: ArraySlice<UInt8>) -> FieldReading {
        let value = decoded(raw)
        guard !value.isBroken, let text = String(validating: value.bytes, as: UTF8.self) else {
            return .doubtful(.badEncoding)
        }
        // Where a semicolon separates, the value ends before it.
        guard let end = raw.firstIndex(of: UInt8(ascii: ";")) else { return .text(text) }
        let cut = String(decoding: decoded(raw[..<end]).bytes, as: UTF8.self)
        return .text(FieldText(text, otherReadings: [cut]))
    }

    private static func cut(_ part: Slice<UnsafeRawBufferPointer>) -> (
        name: ArraySlice<UInt8>, value: ArraySlice<UInt8>
    ) {
        let bytes = Array(part)
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else { return (bytes[...], []) }
        return (bytes[..<equals], bytes[(equals + 1)...])
    }

    /// A name as the least strict server reads it: case, brackets, dots and a second decoding make no difference.
    private static func isTaken(_ name: [UInt8], for loose: [UInt8]) -> Bool {
        self.loose(name) == loose || name.contains(UInt8(ascii: "%")) && self.loose(decoded(name[...]).bytes) == loose
    }

    /// Many servers read `a[]` and `a[0]` as `a`.
    private static func loose(_ name: [UInt8]) -> [UInt8] {
        TextFold.looseName(Array(name.prefix { $0 != UInt8(ascii: "[") }))
    }

    /// The bytes of `application/x-www-form-urlencoded` (URL standard §5.1).
    private static func decoded(_ raw: ArraySlice<UInt8>) -> (bytes: [UInt8], isBroken: Bool) {
        raw.withUnsafeBytes { raw in
            var bytes: [UInt8] = []
            var isBroken = false
            var index = 0
            while index < raw.count {
                switch raw[index] {
                case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
                case UInt8(ascii: "%"):
                    if let byte = PercentByte.decode(raw, at: index) {
                        bytes.append(byte)
                        index += 2
                    } else {
                        bytes.append(raw[index])
                        isBroken = true
                    }
                default: bytes.append(raw[index])
                }
                index += 1
            }
            return (bytes, isBroken)
        }
    }
}
