package import NIOCore

/// Parses response heads strictly (RFC 9112 §§2–6), as their bytes arrive.
package struct ResponseHeadParser {
    private let limits: HeadLimits

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
    }

    /// Parses one head off the front of `input` into `head`.
    ///
    /// - Parameter method: The method of the request, which decides whether a body follows.
    package mutating func parse(
        _ input: inout ByteBuffer, method: Method, into head: inout ResponseHead
    ) -> HeadParseOutcome {
        .incomplete
    }
}
