/// A request method, compared case-sensitively (RFC 9110 §9.1).
package enum Method: UInt8, Sendable {
    case get, head, post, put, patch, delete, options, trace, connect
    /// Any other token, lower-case spellings of the known ones included.
    case other

    /// Whether the method is idempotent by definition (RFC 9110 §9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }
}
