import NIOCore

/// An `http` or `https` URL that the client can call.
///
/// Stricter than RFC 3986: ASCII only, no user information, no fragment, no empty label or trailing dot in a host, and
/// a host that ends in a number must be a dotted quad, so that every resolver reads the same host. Its description
/// leaves the target out, because targets of rails hold keys.
package struct OutgoingURL: Hashable, Sendable {
    /// The scheme, and with it whether TLS is used.
    package enum Scheme: String, Hashable, Sendable {
        case http, https

        /// The port used when the URL names none.
        package var defaultPort: Int { self == .http ? 80 : 443 }
    }

    /// The most bytes a URL may have.
    package static let maxBytes = 8192

    package let scheme: Scheme
    /// The host in lower case; an IPv6 literal without its brackets.
    package let host: String
    package let port: Int
    /// Path and query as sent in the request line; never empty.
    package let target: String
    /// Whether the host is an IPv4 or IPv6 address rather than a name.
    package let isIPLiteral: Bool

    /// Reads a URL, or returns nil when any part of it is not acceptable.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= OutgoingURL.maxBytes else { return nil }
        let scheme: Scheme
        let afterScheme: Int
        if OutgoingURL.hasPrefix("http://", bytes) {
            (scheme, afterScheme) = (.http, 7)
        } else if OutgoingURL.hasPrefix("https://", bytes) {
            (scheme, afterScheme) = (.https, 8)
        } else {
            return nil
        }
        let rest = bytes[afterScheme...]
        let authorityEnd = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        guard let authority = Authority(rest[..<authorityEnd]),
            let target = OutgoingURL.target(rest[authorityEnd...])
        else { return nil }
        self.scheme = scheme
        self.host = authority.host
        self.port = authority.port ?? scheme.defaultPort
        self.target = target
        self.isIPLiteral = authority.isIPLiteral
    }

    private init(_ base: OutgoingURL, target: String) {
        (scheme, host, port, isIPLiteral) = (base.scheme, base.host, base.port, base.isIPLiteral)
        self.target = target
    }

    /// The URL of a path below this one, or nil if this one has a query or the path cannot be sent.
    ///
    /// Exactly one slash stands between the two.
    package func appending(path: String) -> OutgoingURL? {
        guard !target.utf8.contains(UInt8(ascii: "?")) else { return nil }
        let base = target.hasSuffix("/") ? String(target.dropLast()) : target
        let joined = base + (path.hasPrefix("/") ? path : "/" + path)
        guard let target = OutgoingURL.target(Array(joined.utf8)[...]) else { return nil }
        return OutgoingURL(self, target: target)
    }

    /// The value of the Host field: the port only where it is not the scheme's own (RFC 9110 §7.2).
    package var authority: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == scheme.defaultPort ? name : "\(name):\(port)"
    }

    private static func hasPrefix(_ prefix: StaticString, _ bytes: [UInt8]) -> Bool {
        prefix.withUTF8Buffer { expected in
            bytes.count >= expected.count && zip(expected, bytes).allSatisfy { $0 == $1 | ($1 >= 0x41 ? 0x20 : 0) }
        }
    }

    /// Path and query with RFC 3986's characters only, percent signs followed by two hex digits.
    private static func target(_ bytes: ArraySlice<UInt8>) -> String? {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, isHex(bytes[index + 1]), isHex(bytes[index + 2]) else { return nil }
                index += 3
            } else {
                guard isTargetByte(byte) else { return nil }
                index += 1
            }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("/") ? text : "/" + text
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    /// Unreserved, sub-delims, ":", "@", "/" and "?" (RFC 3986 §3.3, §3.4).
    private static func isTargetByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x40...0x5A, 0x61...0x7A: true
        case 0x21, 0x24, 0x26...0x2F, 0x3A, 0x3B, 0x3D, 0x3F, 0x5F, 0x7E: true
        default: false
        }
    }
}

extension OutgoingURL: CustomStringConvertible {
    package var description: String { "\(scheme.rawValue)://\(authority)" }
}

/// Host and port of a URL.
private struct Authority {
    let host: String
    let port: Int?
    let isIPLiteral: Bool

    init?(_ bytes: ArraySlice<UInt8>) {
        let hostBytes: ArraySlice<UInt8>
        let afterHost: ArraySlice<UInt8>
        let isBracketed = bytes.first == UInt8(ascii: "[")
        if isBracketed {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            hostBytes = bytes[(bytes.startIndex + 1)..<end]
            afterHost = bytes[(end + 1)...]
        } else {
            let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            hostBytes = bytes[..<end]
            afterHost = bytes[end...]
        }
        if afterHost.isEmpty {
            port = nil
        } else {
            guard afterHost.first == UInt8(ascii: ":"), let number = Authority.port(afterHost.dropFirst()) else {
                return nil
            }
            port = number
        }
        host = String(decoding: hostBytes, as: UTF8.self).lowercased()
        if isBracketed {
            guard Authority.isAddress(host, version: .inet6) else { return nil }
            isIPLiteral = true
        } else if Authority.endsInNumber(hostBytes) {
            guard Authority.isAddress(host, version: .inet) else { return nil }
            isIPLiteral = true
        } else {
            guard Authority.isName(hostBytes) else { return nil }
            isIPLiteral = false
        }
    }

    private static func port(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return (1...65535).contains(value) ? value : nil
    }

    private static func isAddress(_ text: String, version: NIOBSDSocket.ProtocolFamily) -> Bool {
        (try? SocketAddress(ipAddress: text, port: 0))?.protocol == version
    }

    /// Whether resolvers could read the host as a number ("127.1", "0x7f000001", "2130706433").
    private static func endsInNumber(_ host: ArraySlice<UInt8>) -> Bool {
        let start = host.lastIndex(of: UInt8(ascii: ".")).map { $0 + 1 } ?? host.startIndex
        let label = host[start...]
        if label.count >= 2, label.first == 0x30, label[start + 1] | 0x20 == UInt8(ascii: "x") { return true }
        return !label.isEmpty && label.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// Letters, digits, "-" and "_" in labels of 1 to 63 bytes, 253 in all (RFC 1035 §2.3.4).
    private static func isName(_ host: ArraySlice<UInt8>) -> Bool {
        guard host.count <= 253 else { return false }
        return host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            guard (1...63).contains(label.count), label.first != 0x2D, label.last != 0x2D else { return false }
            return label.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
                default: false
                }
            }
        }
    }
}
