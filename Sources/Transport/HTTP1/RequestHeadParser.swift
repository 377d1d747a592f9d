package import NIOCore

/// Parses request heads strictly (RFC 9112 §§2–6), as their bytes arrive.
package struct RequestHeadParser {
    private let limits: HeadLimits

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
    }

    /// Parses one head off the front of `input` into `head`.
    package mutating func parse(_ input: inout ByteBuffer, into head: inout RequestHead) -> HeadParseOutcome {
        .incomplete
    }
}
