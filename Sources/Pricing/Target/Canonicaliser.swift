/// Turns method, target and `Host` into the one form that is priced and forwarded, or refuses.
///
/// Nothing is repaired: what servers are known to read in more than one way is refused, or marked as a doubt that the
/// route table judges. Percent-encoded letters, digits, `-`, `_` and `~` are decoded (RFC 3986 §6.2.2.2); every other
/// byte keeps the client's spelling. An absolute form whose authority equals `Host` becomes the origin form; the
/// asterisk form and CONNECT are refused. The query is checked for bytes that no URI has, and else left alone.
package struct Canonicaliser: Sendable {
    package var policy: CanonicalPolicy

    package init(policy: CanonicalPolicy = CanonicalPolicy()) {
        self.policy = policy
    }

    /// Allocates only when the target is rewritten.
    ///
    /// `host` is nil when the request has no `Host` field (HTTP/1.0).
    package func canonicalise(
        method: UnsafeRawBufferPointer, target: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer?
    ) -> CanonicalOutcome {
        if method.count == 7, method.elementsEqual("CONNECT".utf8) { return .refused(.connect) }
        var canonicalHost = CanonicalHost.absent
        if let host {
            guard let valid = CanonicalHost(host) else { return .refused(.badAuthority) }
            canonicalHost = valid
        }
        var start = 0
        if target.first != UInt8(ascii: "/") {
            switch AbsoluteForm.pathStart(of: target, host: host, canonicalHost: canonicalHost) {
            case .path(let index): start = index
            case .refused(let refusal): return .refused(refusal)
            }
        }
        var scan = TargetScan(bytes: target, start: start, policy: policy)
        if let refusal = scan.run() { return .refused(refusal) }
        var canonical = CanonicalTarget(
            form: .asIs, path: start..<scan.pathEnd, query: scan.query, host: canonicalHost, doubts: scan.doubts)
        if scan.needsRewriting || canonical.path.isEmpty { canonical.rewrite(target) }
        return .target(canonical)
    }
}

/// What may pass that is refused by default.
package struct CanonicalPolicy: Hashable, Sendable {
    /// What becomes of `%2F` in a path.
    package enum EncodedSlash: Hashable, Sendable {
        case refuse
        /// Admit it as a doubt, for the route table to judge.
        case keep
    }

    package var encodedSlash: EncodedSlash

    package init(encodedSlash: EncodedSlash = .refuse) {
        self.encodedSlash = encodedSlash
    }
}

/// The absolute form of a target (RFC 9112 §3.2.2).
private enum AbsoluteForm {
    enum Reading {
        case path(Int)
        case refused(TargetRefusal)
    }

    static func pathStart(
        of target: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer?, canonicalHost: CanonicalHost
    ) -> Reading {
        let start: Int
        let defaultPort: UInt16
        if hasPrefix(target, "http://") {
            (start, defaultPort) = (7, 80)
        } else if hasPrefix(target, "https://") {
            (start, defaultPort) = (8, 443)
        } else {
            return .refused(.notOriginForm)
        }
        let end = target[start...].firstIndex { "/?#\\".utf8.contains($0) } ?? target.count
        let authority = UnsafeRawBufferPointer(rebasing: target[start..<end])
        if authority.contains(UInt8(ascii: "@")) { return .refused(.userinfo) }
        guard let named = CanonicalHost(authority) else { return .refused(.badAuthority) }
        guard let host, named.matches(canonicalHost, raw: authority, otherRaw: host, defaultPort: defaultPort) else {
            return .refused(.authorityMismatch)
        }
        return .path(end)
    }

    private static func hasPrefix(_ target: UnsafeRawBufferPointer, _ prefix: StaticString) -> Bool {
        guard target.count >= prefix.utf8CodeUnitCount else { return false }
        for index in 0..<prefix.utf8CodeUnitCount {
            let expected = prefix.utf8Start[index]
            let byte = target[index]
            guard byte == expected || (AuthorityByte.isLetter(byte) && byte | 0x20 == expected) else { return false }
        }
        return true
    }
}

extension CanonicalTarget {
    /// Decodes the percent-encoded unreserved characters of the path, and gives an empty path its slash.
    fileprivate mutating func rewrite(_ target: UnsafeRawBufferPointer) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(originForm.count + 1)
        if path.isEmpty { bytes.append(UInt8(ascii: "/")) }
        var index = path.lowerBound
        while index < path.upperBound {
            if target[index] == UInt8(ascii: "%"),
                let decoded = PercentByte.decode(target, at: index), PercentByte.isUnreserved(decoded)
            {
                bytes.append(decoded)
                index += 3
            } else {
                bytes.append(target[index])
                index += 1
            }
        }
        path = 0..<bytes.count
        if let query {
            bytes.append(UInt8(ascii: "?"))
            bytes.append(contentsOf: target[query])
            self.query = (path.upperBound + 1)..<bytes.count
        }
        form = .rewritten(bytes)
    }
}
