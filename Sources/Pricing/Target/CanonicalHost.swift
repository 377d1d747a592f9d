/// The host of a request: a valid `uri-host` and port (RFC 3986 §3.2, RFC 9110 §7.2).
///
/// Letters keep the sender's case in the raw bytes; comparison ignores it.
package struct CanonicalHost: Hashable, Sendable {
    /// The name in the raw value, without port and trailing dot.
    ///
    /// Empty when there was no `Host` field.
    package let name: Range<Int>
    package let port: UInt16?
    /// Whether the raw value is lower-case and without a trailing dot, hence fit to forward as it stands.
    package let isCanonical: Bool

    /// Of a request without a `Host` field, which only HTTP/1.0 may send.
    package static let absent = CanonicalHost(name: 0..<0, port: nil, isCanonical: true)

    private init(name: Range<Int>, port: UInt16?, isCanonical: Bool) {
        self.name = name
        self.port = port
        self.isCanonical = isCanonical
    }

    /// Nil unless `raw` is a host name, an IPv4 or a bracketed IPv6 address, and perhaps a port.
    ///
    /// User information, percent-encoding, empty labels, an empty port and zone identifiers are refused.
    package init?(_ raw: UnsafeRawBufferPointer) {
        guard let first = raw.first, raw.count <= 512 else { return nil }
        var end: Int
        var canonical = true
        if first == UInt8(ascii: "[") {
            guard let close = raw.firstIndex(of: UInt8(ascii: "]")), close > 2 else { return nil }
            for byte in raw[1..<close] {
                guard AuthorityByte.isHex(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") else {
                    return nil
                }
                if AuthorityByte.isUpper(byte) { canonical = false }
            }
            end = close + 1
            self.name = 0..<end
        } else {
            guard let (scanned, isLower) = Self.nameEnd(raw) else { return nil }
            end = scanned
            canonical = isLower
            var nameEnd = end
            if raw[end - 1] == UInt8(ascii: ".") {
                nameEnd -= 1
                canonical = false
            }
            guard nameEnd > 0 else { return nil }
            self.name = 0..<nameEnd
        }
        if end == raw.count {
            self.port = nil
        } else {
            guard raw[end] == UInt8(ascii: ":") else { return nil }
            guard let port = Self.port(raw, from: end + 1) else { return nil }
            self.port = port
        }
        self.isCanonical = canonical
    }

    /// The bytes to forward: lower-case, without a trailing dot, with the port as sent.
    package func forwarded(from raw: UnsafeRawBufferPointer) -> [UInt8] {
        var bytes = raw[name].map { AuthorityByte.isUpper($0) ? $0 | 0x20 : $0 }
        if let port { bytes.append(contentsOf: ":\(port)".utf8) }
        return bytes
    }

    /// Whether two hosts are the same origin under a scheme whose default port is given.
    package func matches(
        _ other: CanonicalHost, raw: UnsafeRawBufferPointer, otherRaw: UnsafeRawBufferPointer, defaultPort: UInt16
    ) -> Bool {
        guard (port ?? defaultPort) == (other.port ?? defaultPort), name.count == other.name.count else { return false }
        return zip(raw[name], otherRaw[other.name]).allSatisfy { left, right in
            left == right || (AuthorityByte.isLetter(left) && left | 0x20 == right | 0x20)
        }
    }

    /// The end of a registered name, and whether it had no capitals.
    private static func nameEnd(_ raw: UnsafeRawBufferPointer) -> (end: Int, isLower: Bool)? {
        var isLower = true
        var labelIsEmpty = true
        var index = 0
        while index < raw.count {
            let byte = raw[index]
            if byte == UInt8(ascii: ":") { break }
            if byte == UInt8(ascii: ".") {
                if labelIsEmpty { return nil }
                labelIsEmpty = true
            } else {
                guard AuthorityByte.isName(byte) else { return nil }
                if AuthorityByte.isUpper(byte) { isLower = false }
                labelIsEmpty = false
            }
            index += 1
        }
        return index == 0 ? nil : (index, isLower)
    }

    private static func port(_ raw: UnsafeRawBufferPointer, from start: Int) -> UInt16? {
        guard (1...5).contains(raw.count - start), raw[start] != UInt8(ascii: "0") else { return nil }
        var value: UInt32 = 0
        for byte in raw[start...] {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + UInt32(digit)
        }
        return UInt16(exactly: value)
    }
}

/// The bytes of an authority.
enum AuthorityByte {
    @inline(__always)
    static func isUpper(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "A") < 26 }

    @inline(__always)
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

    @inline(__always)
    static func isHex(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || (byte | 0x20) &- UInt8(ascii: "a") < 6
    }

    @inline(__always)
    static func isName(_ byte: UInt8) -> Bool {
        isLetter(byte) || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
}
