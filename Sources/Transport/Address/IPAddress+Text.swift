package import NIOCore

/// The text forms of RFC 4291 §2.2, read strictly, and of RFC 5952, written.
extension IPAddress {
    /// Nil unless the whole text is an address: IPv4 without leading zeros, IPv6 without brackets and zone.
    package init?(text: UnsafeRawBufferPointer) {
        guard text.count >= 2, text.count <= 45 else { return nil }
        if text.contains(UInt8(ascii: ":")) {
            guard let bits = Self.v6(text) else { return nil }
            self.init(bits: bits)
        } else {
            guard let v4 = Self.v4(text[...]) else { return nil }
            self.init(v4: v4)
        }
    }

    package init?(_ text: String) {
        var text = text
        guard let address = text.withUTF8({ IPAddress(text: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = address
    }

    private static func v4(_ text: Slice<UnsafeRawBufferPointer>) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | octet
                octet = 0
                digits = 0
                dots += 1
                continue
            }
            let digit = UInt32(byte &- UInt8(ascii: "0"))
            // A leading zero would be octal to some readers.
            guard digit < 10, digits < 3, digits == 0 || octet > 0 else { return nil }
            octet = octet * 10 + digit
            digits += 1
            guard octet < 256 else { return nil }
        }
        return digits > 0 && dots == 3 ? value << 8 | octet : nil
    }

    private static func v6(_ text: UnsafeRawBufferPointer) -> UInt128? {
        var head: UInt128 = 0
        var headGroups = 0
        var tail: UInt128 = 0
        var tailGroups = 0
        var gap = false
        var index = 0
        if text[0] == UInt8(ascii: ":") {
            guard text[1] == UInt8(ascii: ":") else { return nil }
            gap = true
            index = 2
        }
        while index < text.count {
            let rest = text[index...]
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? text.count
            let part = text[index..<end]
            var groups = 1
            var value: UInt128
            if end == text.count, part.contains(UInt8(ascii: ".")) {
                guard let v4 = v4(part) else { return nil }
                value = UInt128(v4)
                groups = 2
            } else {
                guard let group = hexGroup(part) else { return nil }
                value = UInt128(group)
            }
            guard headGroups + tailGroups + groups <= 8 else { return nil }
            if gap {
                tail = tail << UInt128(16 * groups) | value
                tailGroups += groups
            } else {
                head = head << UInt128(16 * groups) | value
                headGroups += groups
            }
            if end == text.count { break }
            index = end + 1
            guard index < text.count else { return nil }
            if text[index] == UInt8(ascii: ":") {
                guard !gap else { return nil }
                gap = true
                index += 1
            }
        }
        let total = headGroups + tailGroups
        guard gap ? total < 8 : total == 8 else { return nil }
        return head << UInt128(16 * (8 - headGroups)) | tail
    }

    private static func hexGroup(_ text: Slice<UnsafeRawBufferPointer>) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var value: UInt16 = 0
        for byte in text {
            let lower = byte | 0x20
            let digit: UInt8
            if byte &- UInt8(ascii: "0") < 10 {
                digit = byte &- UInt8(ascii: "0")
            } else if lower &- UInt8(ascii: "a") < 6 {
                digit = lower &- UInt8(ascii: "a") + 10
            } else {
                return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// Appends the text, without brackets.
    package func write(to buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 45) { target in
            var writer = AddressWriter(target)
            if isIPv4 { writer.writeV4(v4) } else { writer.writeV6(bits) }
            return writer.count
        }
    }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        var buffer = ByteBuffer()
        write(to: &buffer)
        return String(buffer: buffer)
    }
}

/// Writes the digits of addresses into memory that has room for them.
private struct AddressWriter {
    private let target: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    private mutating func put(_ byte: UInt8) {
        target[count] = byte
        count &+= 1
    }

    mutating func writeV4(_ value: UInt32) {
        var shift: UInt32 = 32
        while shift > 0 {
            shift &-= 8
            if shift < 24 { put(UInt8(ascii: ".")) }
            let byte = UInt8(truncatingIfNeeded: value >> shift)
            if byte >= 100 { put(UInt8(ascii: "0") &+ byte / 100) }
            if byte >= 10 { put(UInt8(ascii: "0") &+ byte / 10 % 10) }
            put(UInt8(ascii: "0") &+ byte % 10)
        }
    }

    /// Lower case, the first of the longest runs of two or more zero groups shortened (RFC 5952 §4).
    mutating func writeV6(_ value: UInt128) {
        func group(_ index: Int) -> UInt16 { UInt16(truncatingIfNeeded: value >> UInt128(112 - 16 * index)) }
        var best = 0..<0
        var index = 0
        while index < 8 {
            let start = index
            while index < 8, group(index) == 0 { index += 1 }
            if index - start > max(best.count, 1) { best = start..<index }
            index += 1
        }
        index = 0
        while index < 8 {
            if !best.isEmpty, index == best.lowerBound {
                put(UInt8(ascii: ":"))
                put(UInt8(ascii: ":"))
                index = best.upperBound
                continue
            }
            if index > 0, best.isEmpty || index != best.upperBound { put(UInt8(ascii: ":")) }
            writeHex(group(index))
            index += 1
        }
    }

    private mutating func writeHex(_ value: UInt16) {
        var shift = 12
        var isLeading = true
        while shift >= 0 {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt16(shift)) & 15
            if nibble != 0 || shift == 0 || !isLeading {
                isLeading = false
                put(nibble < 10 ? UInt8(ascii: "0") &+ nibble : UInt8(ascii: "a") &+ nibble &- 10)
            }
            shift -= 4
        }
    }
}
