@testable import Pricing

/// What the canonicaliser said, as text that tables can hold.
struct CanonicalReading: Equatable {
    /// The origin form to forward, nil when refused.
    var forwarded: String?
    var refusal: TargetRefusal?
    var doubts: TargetDoubts = []
    var isRewritten = false
}

func canonicalise(
    _ target: String, method: String = "GET", host: String? = "shop.example",
    policy: CanonicalPolicy = CanonicalPolicy()
) -> CanonicalReading {
    canonicalise(Array(target.utf8), method: method, host: host, policy: policy)
}

func canonicalise(
    _ target: [UInt8], method: String = "GET", host: String? = "shop.example",
    policy: CanonicalPolicy = CanonicalPolicy()
) -> CanonicalReading {
    withRaw(method, target, host) { method, target, host in
        switch Canonicaliser(policy: policy).canonicalise(method: method, target: target, host: host) {
        case .refused(let refusal): return CanonicalReading(refusal: refusal)
        case .target(let canonical):
            let text = canonical.withBytes(of: target) { String(decoding: $0[canonical.originForm], as: UTF8.self) }
            return CanonicalReading(forwarded: text, doubts: canonical.doubts, isRewritten: canonical.form != .asIs)
        }
    }
}

/// What becomes of a request: canonicalised, then matched.
func route(
    _ table: RouteTable, _ method: String, _ target: [UInt8], host: String? = "shop.example",
    policy: CanonicalPolicy = CanonicalPolicy()
) -> RouteMatch {
    withRaw(method, target, host) { method, target, host in
        switch Canonicaliser(policy: policy).canonicalise(method: method, target: target, host: host) {
        case .refused(let refusal): .refused(refusal)
        case .target(let canonical): table.match(method: method, canonical: canonical, target: target, host: host)
        }
    }
}

func route(_ table: RouteTable, _ method: String, _ target: String, host: String? = "shop.example") -> RouteMatch {
    route(table, method, Array(target.utf8), host: host)
}

func withRaw<R>(
    _ method: String, _ target: [UInt8], _ host: String?,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer?) -> R
) -> R {
    Array(method.utf8).withUnsafeBytes { method in
        target.withUnsafeBytes { target in
            guard let host else { return body(method, target, nil) }
            return Array(host.utf8).withUnsafeBytes { body(method, target, $0) }
        }
    }
}

/// A table whose routes all cost something else, but for those that are said to be free.
func table(
    _ patterns: [String], free: Set<String> = [], unmatched: UnmatchedPolicy = .deny, keepsEncodedSlash: Bool = true
) throws -> RouteTable {
    try RouteTable(
        patterns.enumerated().map { index, text in
            RouteTable.Entry(
                try RoutePattern.parse(text), cost: free.contains(text) ? .free : .priced(class: index),
                keepsEncodedSlash: keepsEncodedSlash)
        }, unmatched: unmatched)
}
