/// A 256-bit unsigned integer; arithmetic is checked.
package struct UInt256: Hashable, Sendable {
    private let w0: UInt64
    private let w1: UInt64
    private let w2: UInt64
    private let w3: UInt64

    /// The number of decimal digits of the largest value.
    package static let maximumDecimalCount = 78

    /// Zero.
    package static var zero: UInt256 { UInt256(0) }

    /// The largest value, 2^256 − 1.
    package static var max: UInt256 { UInt256(words: .max, .max, .max, .max) }

    private init(words w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
        self.w0 = w0
        self.w1 = w1
        self.w2 = w2
        self.w3 = w3
    }

    /// Takes four words, the most significant first.
    package init(highToLow w3: UInt64, _ w2: UInt64, _ w1: UInt64, _ w0: UInt64) {
        self.init(words: w0, w1, w2, w3)
    }

    /// Widens a 64-bit value.
    package init(_ value: UInt64) {
        self.init(words: value, 0, 0, 0)
    }

    /// The value when it fits in 64 bits, else nil.
    package var uint64: UInt64? {
        w1 | w2 | w3 == 0 ? w0 : nil
    }
}

extension UInt256: Comparable {
    /// Compares by value.
    package static func < (left: UInt256, right: UInt256) -> Bool {
        if left.w3 != right.w3 { return left.w3 < right.w3 }
        if left.w2 != right.w2 { return left.w2 < right.w2 }
        if left.w1 != right.w1 { return left.w1 < right.w1 }
        return left.w0 < right.w0
    }
}

// MARK: - Arithmetic

extension UInt256 {
    /// The sum, or nil when it does not fit.
    package func adding(_ other: UInt256) -> UInt256? {
        let (r0, c0) = Self.add(w0, other.w0, false)
        let (r1, c1) = Self.add(w1, other.w1, c0)
        let (r2, c2) = Self.add(w2, other.w2, c1)
        let (r3, c3) = Self.add(w3, other.w3, c2)
        return c3 ? nil : UInt256(words: r0, r1, r2, r3)
    }

    /// The difference, or nil when it would be negative.
    package func subtracting(_ other: UInt256) -> UInt256? {
        let (r0, b0) = Self.subtract(w0, other.w0, false)
        let (r1, b1) = Self.subtract(w1, other.w1, b0)
        let (r2, b2) = Self.subtract(w2, other.w2, b1)
        let (r3, b3) = Self.subtract(w3, other.w3, b2)
        return b3 ? nil : UInt256(words: r0, r1, r2, r3)
    }

    /// The product, or nil when it does not fit.
    package func multiplied(by factor: UInt64) -> UInt256? {
        multiplied(by: factor, adding: 0)
    }

    /// The quotient and the remainder; the divisor must not be zero.
    package func quotientAndRemainder(dividingBy divisor: UInt64) -> (UInt256, UInt64) {
        precondition(divisor != 0, "division by zero")
        let (q3, r3) = w3.quotientAndRemainder(dividingBy: divisor)
        let (q2, r2) = divisor.dividingFullWidth((r3, w2))
        let (q1, r1) = divisor.dividingFullWidth((r2, w1))
        let (q0, r0) = divisor.dividingFullWidth((r1, w0))
        return (UInt256(words: q0, q1, q2, q3), r0)
    }

    private func multiplied(by factor: UInt64, adding addend: UInt64) -> UInt256? {
        let (r0, c0) = Self.multiply(w0, factor, addend)
        let (r1, c1) = Self.multiply(w1, factor, c0)
        let (r2, c2) = Self.multiply(w2, factor, c1)
        let (r3, c3) = Self.multiply(w3, factor, c2)
        return c3 == 0 ? UInt256(words: r0, r1, r2, r3) : nil
    }

    @inline(__always)
    private static func add(_ left: UInt64, _ right: UInt64, _ carry: Bool) -> (UInt64, Bool) {
        let (sum, first) = left.addingReportingOverflow(right)
        let (total, second) = sum.addingReportingOverflow(carry ? 1 : 0)
        return (total, first || second)
    }

    @inline(__always)
    private static func subtract(_ left: UInt64, _ right: UInt64, _ borrow: Bool) -> (UInt64, Bool) {
        let (difference, first) = left.subtractingReportingOverflow(right)
        let (total, second) = difference.subtractingReportingOverflow(borrow ? 1 : 0)
        return (total, first || second)
    }

    @inline(__always)
    private static func multiply(_ left: UInt64, _ right: UInt64, _ carry: UInt64) -> (UInt64, UInt64) {
        let (high, low) = left.multipliedFullWidth(by: right)
        let (sum, overflow) = low.addingReportingOverflow(carry)
        return (sum, high &+ (overflow ? 1 : 0))
    }
}

// MARK: - Decimal text

extension UInt256: CustomStringConvertible {
    /// The decimal digits that always fit in 64 bits.
    private static var chunkCount: Int { 19 }

    /// Ten to the nineteenth.
    private static var chunkScale: UInt64 { 10_000_000_000_000_000_000 }

    /// The next digits and ten to their number; nil when one is no digit.
    @inline(__always)
    private static func chunk(of text: UnsafeRawBufferPointer, at start: Int) -> (value: UInt64, scale: UInt64)? {
        var value: UInt64 = 0
        var scale: UInt64 = 1
        for byte in text[start..<Swift.min(start + chunkCount, text.count)] {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value &* 10 &+ UInt64(digit)
            scale = scale &* 10
        }
        return (value, scale)
    }

    /// Reads `^(0|[1-9][0-9]{0,77})$` up to 2^256 − 1; nil for any other text.
    package init?(decimal text: UnsafeRawBufferPointer) {
        guard text.count > 0, text.count <= Self.maximumDecimalCount else { return nil }
        guard text[0] != UInt8(ascii: "0") || text.count == 1 else { return nil }
        guard let first = Self.chunk(of: text, at: 0) else { return nil }
        var value = UInt256(first.value)
        var start = Self.chunkCount
        while start < text.count {
            guard let next = Self.chunk(of: text, at: start) else { return nil }
            guard let longer = value.multiplied(by: next.scale, adding: next.value) else { return nil }
            value = longer
            start += Self.chunkCount
        }
        self = value
    }

    /// Reads the same text from a string.
    package init?(_ decimal: String) {
        var text = decimal
        guard let value = text.withUTF8({ UInt256(decimal: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = value
    }

    /// Writes the decimal digits and returns their number; needs 78 bytes of room at most.
    package func writeDecimal(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.maximumDecimalCount) { digits in
            var start = Self.maximumDecimalCount
            var rest = self
            while rest.uint64 == nil {
                let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: Self.chunkScale)
                var part = remainder
                for _ in 0..<Self.chunkCount {
                    start -= 1
                    digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: part % 10)
                    part /= 10
                }
                rest = quotient
            }
            var part = rest.w0
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: part % 10)
                part /= 10
            } while part != 0
            let count = Self.maximumDecimalCount - start
            precondition(buffer.count >= count, "no room for the digits")
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[start...]))
            return count
        }
    }

    /// The decimal digits.
    package var description: String {
        String(unsafeUninitializedCapacity: Self.maximumDecimalCount) {
            writeDecimal(into: UnsafeMutableRawBufferPointer($0))
        }
    }
}

// MARK: - Bytes

extension UInt256 {
    /// Reads exactly 32 bytes, most significant first.
    package init(bigEndian bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 32, "a 256-bit integer has 32 bytes")
        self.init(
            words: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)))
    }

    /// Writes 32 bytes, most significant first, to the front of the buffer.
    package func storeBigEndian(to buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= 32, "a 256-bit integer has 32 bytes")
        buffer.storeBytes(of: w3.bigEndian, toByteOffset: 0, as: UInt64.self)
        buffer.storeBytes(of: w2.bigEndian, toByteOffset: 8, as: UInt64.self)
        buffer.storeBytes(of: w1.bigEndian, toByteOffset: 16, as: UInt64.self)
        buffer.storeBytes(of: w0.bigEndian, toByteOffset: 24, as: UInt64.self)
    }

    /// The 32 bytes, most significant first.
    package var bigEndianBytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            storeBigEndian(to: UnsafeMutableRawBufferPointer(buffer))
            count = 32
        }
    }
}
