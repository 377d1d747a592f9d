/// Bytes of a JSON string with its escapes undone, or of a number as written.
///
/// Borrowed from a `JSONScratch`; valid until the next text is loaded there.
struct JSONText {
    let start: UnsafeRawPointer
    let count: Int

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    /// The bytes are UTF-8: the scanner has checked them.
    var string: String { frequent ?? String(decoding: bytes, as: UTF8.self) }

    /// Texts that most payments hold, compared in a few instructions where decoding takes a hundred.
    @inline(__always)
    private var frequent: String? {
        switch count {
        case 1: equals("2") ? "2" : nil
        case 4: equals("USDC") ? "USDC" : nil
        case 5: equals("exact") ? "exact" : nil
        case 8: equals("USD Coin") ? "USD Coin" : nil
        default: nil
        }
    }

    /// Whether the text is these bytes; a comparison of constant length, which the compiler unrolls.
    @inline(__always)
    func equals(_ literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        return count == length && Self.areEqual(start, UnsafeRawPointer(literal.utf8Start), length)
    }

    func equals(_ other: JSONText) -> Bool {
        count == other.count && Self.areEqual(start, other.start, count)
    }

    /// A number without fraction or exponent that fits in an `Int`, nil for any other.
    var integer: Int? {
        guard count > 0, count <= 19 else { return nil }
        var value = 0
        for byte in bytes {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte &- UInt8(ascii: "0")))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }

    @inline(__always)
    private static func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        var offset = 0
        while offset &+ 8 <= count {
            let same =
                left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if !same { return false }
            offset &+= 8
        }
        if offset &+ 4 <= count {
            let same =
                left.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                == right.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            if !same { return false }
            offset &+= 4
        }
        while offset < count {
            if left.load(fromByteOffset: offset, as: UInt8.self) != right.load(fromByteOffset: offset, as: UInt8.self) {
                return false
            }
            offset &+= 1
        }
        return true
    }
}
