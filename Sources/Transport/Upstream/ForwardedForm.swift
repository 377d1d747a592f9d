/// The fields in which a proxy tells who its client is.
package enum ForwardedForm: String, Hashable, Sendable, CaseIterable {
    /// `X-Forwarded-For`, `-Proto` and `-Host`.
    case x
    /// `Forwarded` (RFC 7239).
    case rfc7239
    case both

    package var hasX: Bool { self != .rfc7239 }
    package var hasRFC7239: Bool { self != .x }
}
