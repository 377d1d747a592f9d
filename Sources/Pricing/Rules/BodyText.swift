/// A string of a JSON body, with escapes undone, up to a limit.
struct BodyText {
    enum Taken { case more, ended, broken }

    private(set) var bytes: [UInt8] = []
    /// There was more than the limit.
    private(set) var isTooLong = false
    /// Half of a surrogate pair stood alone.
    private var isUnpaired = false
    private let limit: Int
    private var escape = Escape.none
    private var highSurrogate: UInt32 = 0

    private enum Escape {
        case none
        case begun
        /// Behind `\u`: how many digits there were, and their value.
        case digits(Int, UInt32)
    }

    init(limit: Int) { self.limit = limit }

    /// Whether it is text in UTF-8, as far as it was kept.
    var isValid: Bool {
        !isUnpaired && highSurrogate == 0 && (isTooLong || String(validating: bytes, as: UTF8.self) != nil)
    }

    mutating func append(_ byte: UInt8) {
        if bytes.count < limit { bytes.append(byte) } else { isTooLong = true }
    }

    /// Takes a byte behind the opening quote (RFC 8259 §7).
    mutating func take(_ byte: UInt8) -> Taken {
        switch escape {
        case .none: return takePlain(byte)
        case .begun: return takeEscaped(byte)
        case .digits(let count, let value):
            let digit = PercentByte.hexValue(byte)
            guard digit < 16 else { return .broken }
            let value = value << 4 | UInt32(digit)
            escape = count == 3 ? .none : .digits(count + 1, value)
            if count == 3 { append(unit: value) }
            return .more
        }
    }

    private mutating func takePlain(_ byte: UInt8) -> Taken {
        switch byte {
        case UInt8(ascii: "\""): return .ended
        case UInt8(ascii: "\\"):
            escape = .begun
            return .more
        case 0..<0x20: return .broken
        default:
            breakPair()
            append(byte)
            return .more
        }
    }

    private mutating func takeEscaped(_ byte: UInt8) -> Taken {
        escape = .none
        switch byte {
        case UInt8(ascii: "u"):
            escape = .digits(0, 0)
            return .more
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): append(plain: byte)
        case UInt8(ascii: "b"): append(plain: 0x08)
        case UInt8(ascii: "f"): append(plain: 0x0C)
        case UInt8(ascii: "n"): append(plain: 0x0A)
        case UInt8(ascii: "r"): append(plain: 0x0D)
        case UInt8(ascii: "t"): append(plain: 0x09)
        default: return .broken
        }
        return .more
    }

    private mutating func append(plain byte: UInt8) {
        breakPair()
        append(byte)
    }

    /// A code unit of UTF-16.
    private mutating func append(unit: UInt32) {
        var scalar = unit
        switch unit {
        case 0xD800..<0xDC00:
            breakPair()
            highSurrogate = unit
            return
        case 0xDC00..<0xE000:
            guard highSurrogate != 0 else { return isUnpaired = true }
            scalar = 0x10000 + (highSurrogate - 0xD800) << 10 + (unit - 0xDC00)
            highSurrogate = 0
        default: breakPair()
        }
        guard let scalar = Unicode.Scalar(scalar), let encoded = UTF8.encode(scalar) else { return isUnpaired = true }
        for byte in encoded { append(byte) }
    }

    /// What stands here is no second half of a pair.
    private mutating func breakPair() {
        if highSurrogate != 0 { isUnpaired = true }
        highSurrogate = 0
    }
}
