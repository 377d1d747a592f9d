/// The one form of a request target that is priced and forwarded.
package struct CanonicalTarget: Hashable, Sendable {
    /// Where the bytes to forward are.
    package enum Form: Hashable, Sendable {
        /// In the target as received: the common case, without an allocation.
        case asIs
        /// Here: percent-encoded unreserved characters were decoded, or an absolute form had no path.
        case rewritten([UInt8])
    }

    package var form: Form
    /// The path, with its leading slash, as a range of the bytes that `form` names.
    package var path: Range<Int>
    /// The query without its question mark, which stands between path and query.
    package var query: Range<Int>?
    package var host: CanonicalHost
    package var doubts: TargetDoubts

    package init(form: Form, path: Range<Int>, query: Range<Int>?, host: CanonicalHost, doubts: TargetDoubts) {
        self.form = form
        self.path = path
        self.query = query
        self.host = host
        self.doubts = doubts
    }

    /// Path and query together: the origin form to forward.
    package var originForm: Range<Int> { path.lowerBound..<(query?.upperBound ?? path.upperBound) }

    /// Lends the bytes that the ranges point into; `target` is what was canonicalised.
    @inlinable
    package func withBytes<R>(of target: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows
        -> R
    {
        switch form {
        case .asIs: try body(target)
        case .rewritten(let bytes): try bytes.withUnsafeBytes(body)
        }
    }
}

/// What became of a request target.
package enum CanonicalOutcome: Hashable, Sendable {
    case target(CanonicalTarget)
    case refused(TargetRefusal)
}
