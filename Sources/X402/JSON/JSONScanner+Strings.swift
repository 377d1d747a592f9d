extension JSONScanner {
    /// The string whose quote is under the cursor, with escapes undone.
    @inline(__always)
    mutating func string() throws(WireError) -> JSONText {
        var position = cursor
        let text = try string(from: &position)
        cursor = position
        return text
    }

    /// The string that begins at `position`, which moves behind it.
    @inline(__always)
    mutating func string(from position: inout UnsafeRawPointer) throws(WireError) -> JSONText {
        guard Self.byte(at: position) == UInt8(ascii: "\"") else { throw failure(.syntax, at: position) }
        let first = position + 1
        let end = Self.plainEnd(from: first)
        if Self.byte(at: end) == UInt8(ascii: "\"") {
            position = end + 1
            return JSONText(start: first, count: end - first)
        }
        let text = try unusual(from: first, at: end)
        position = cursor
        return text
    }

    /// The string from `first` on whose plain ASCII ended at `position`; leaves the cursor behind it.
    @inline(never)
    private mutating func unusual(
        from first: UnsafeRawPointer, at position: UnsafeRawPointer
    ) throws(WireError) -> JSONText {
        var position = position
        while Self.byte(at: position) >= 0x80 {
            position = Self.plainEnd(from: position + (try checkedScalar(at: position)))
        }
        guard Self.byte(at: position) == UInt8(ascii: "\"") else { return try unescaped(from: first, at: position) }
        cursor = position + 1
        return JSONText(start: first, count: position - first)
    }

    /// The first byte from `position` on that is no plain ASCII of a string.
    @inline(__always)
    private static func plainEnd(from position: UnsafeRawPointer) -> UnsafeRawPointer {
        var position = position
        while true {
            let word = UInt64(littleEndian: position.loadUnaligned(as: UInt64.self))
            let stops = Self.stops(word)
            if stops != 0 { return position + stops.trailingZeroBitCount / 8 }
            position += 8
        }
    }

    /// Top bits of the bytes that are quote, backslash, control or not ASCII; exact up to the first of them.
    ///
    /// Subtracting side by side borrows only into bytes above one that is a hit itself.
    @inline(__always)
    private static func stops(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let hits =
            (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word | word
        return hits & (ones &* 0x80)
    }

    /// Reads on behind the first backslash, copying to the scratch.
    private mutating func unescaped(
        from first: UnsafeRawPointer, at position: UnsafeRawPointer
    ) throws(WireError) -> JSONText {
        let text = strings
        var plain = first
        var position = position
        while true {
            strings.copyMemory(from: plain, byteCount: position - plain)
            strings += position - plain
            switch position.load(as: UInt8.self) {
            case UInt8(ascii: "\""):
                cursor = position + 1
                return JSONText(start: UnsafeRawPointer(text), count: strings - text)
            case UInt8(ascii: "\\"):
                cursor = position
                try undoEscape()
                plain = cursor
                position = Self.plainEnd(from: plain)
            case 0x80...:
                plain = position
                position = Self.plainEnd(from: position + (try checkedScalar(at: position)))
            default:
                cursor = position
                throw failure(.syntax)
            }
        }
    }

    /// Writes what the escape under the cursor means, and steps over it.
    private mutating func undoEscape() throws(WireError) {
        let letter = cursor.load(fromByteOffset: 1, as: UInt8.self)
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): store(letter)
        case UInt8(ascii: "b"): store(0x08)
        case UInt8(ascii: "f"): store(0x0C)
        case UInt8(ascii: "n"): store(0x0A)
        case UInt8(ascii: "r"): store(0x0D)
        case UInt8(ascii: "t"): store(0x09)
        case UInt8(ascii: "u"):
            try undoUnicodeEscape()
            return
        default: throw failure(.syntax)
        }
        cursor += 2
    }

    private mutating func undoUnicodeEscape() throws(WireError) {
        var value = try escapedUnit(at: cursor)
        cursor += 6
        if value & 0xFC00 == 0xD800 {
            guard cursor.load(as: UInt8.self) == UInt8(ascii: "\\") else { throw failure(.badText) }
            let low = try escapedUnit(at: cursor)
            guard low & 0xFC00 == 0xDC00 else { throw failure(.badText) }
            value = 0x10000 + ((value & 0x3FF) << 10 | low & 0x3FF)
            cursor += 6
        }
        guard let scalar = Unicode.Scalar(value) else { throw failure(.badText) }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { store(byte) }
    }

    /// The 16 bits of `\uXXXX` at `position`; reads no further than the first byte that is wrong.
    private func escapedUnit(at position: UnsafeRawPointer) throws(WireError) -> UInt32 {
        guard position.load(fromByteOffset: 1, as: UInt8.self) == UInt8(ascii: "u") else { throw failure(.badText) }
        var unit: UInt32 = 0
        for offset in 2..<6 {
            let byte = position.load(fromByteOffset: offset, as: UInt8.self)
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte &- UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte &- UInt8(ascii: "a") &+ 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte &- UInt8(ascii: "A") &+ 10)
            default: throw failure(.syntax)
            }
        }
        return unit
    }

    private mutating func store(_ byte: UInt8) {
        strings.storeBytes(of: byte, as: UInt8.self)
        strings += 1
    }

    /// The length of the UTF-8 sequence at `position`, of those of Unicode table 3-7.
    private func checkedScalar(at position: UnsafeRawPointer) throws(WireError) -> Int {
        let lead = position.load(as: UInt8.self)
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: length = 4
        default: throw WireError(.badText, at: position - start)
        }
        for offset in 1..<length {
            let allowed = offset == 1 ? second : 0x80...0xBF
            guard allowed.contains(position.load(fromByteOffset: offset, as: UInt8.self)) else {
                throw WireError(.badText, at: position - start)
            }
        }
        return length
    }
}
