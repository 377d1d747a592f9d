/// The chain could not be asked, or nothing that it said can be believed.
package struct ChainError: Error, Hashable, Sendable {
    package enum Code: String, Hashable, Sendable {
        case unavailable, timeout, malformedAnswer, rateLimited, breakerOpen, wrongChain, misconfigured
    }

    package var code: Code
    /// Whether a node may have acted upon the call: true only of a transaction that was sent.
    package var mayHaveActed: Bool
    /// Constant text for people; no values in it.
    package var message: String

    package init(_ code: Code, mayHaveActed: Bool = false, _ message: String) {
        self.code = code
        self.mayHaveActed = mayHaveActed
        self.message = message
    }

    /// An answer that is not what its call must give.
    static func malformed(_ message: String, mayHaveActed: Bool = false) -> ChainError {
        ChainError(.malformedAnswer, mayHaveActed: mayHaveActed, message)
    }
}
