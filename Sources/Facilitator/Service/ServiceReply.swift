/// What the service says to a verify or a settle.
package enum ServiceReply<Answer: Sendable>: Sendable {
    /// A verdict.
    case answer(Answer)
    /// A rail or the ledger is down: no verdict.
    case unavailable(Unavailability)
}

/// Why there is no verdict, and when to ask again.
package struct Unavailability: Hashable, Sendable {
    /// What is down: the adapter's id, or `ledger`.
    package var part: String
    /// A bounded word for logs.
    package var code: String
    package var retryAfterSeconds: Int

    /// Seconds that a caller is asked to wait.
    package static let defaultRetryAfterSeconds = 5

    package init(part: String, code: String, retryAfterSeconds: Int = defaultRetryAfterSeconds) {
        self.part = part
        self.code = code
        self.retryAfterSeconds = retryAfterSeconds
    }

    init(_ error: RailError) {
        self.init(part: error.adapter, code: error.code.rawValue)
    }
}
