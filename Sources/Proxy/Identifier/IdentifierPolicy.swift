/// `payment_identifier` of a route: what becomes of clients' own ids.
package struct IdentifierPolicy: Hashable, Sendable {
    /// Whether a payment without an id is refused.
    package var isRequired: Bool
    /// How long an id is remembered.
    package var seconds: Int64
    /// Bytes of the longest answer that is kept, head and body.
    package var maxAnswerBytes: Int

    package init(isRequired: Bool, seconds: Int64 = 86_400, maxAnswerBytes: Int = 64 * 1024) {
        self.isRequired = isRequired
        self.seconds = seconds
        self.maxAnswerBytes = maxAnswerBytes
    }
}
