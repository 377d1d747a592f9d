/// Decides whether to ask again with the same payment; never with another.
struct PayPatience: Hashable {
    /// How long to wait in all for a settlement whose fate is open.
    private var patience: Duration
    /// How often to ask again for what was paid and not delivered.
    private var retries: Int
    /// The token that opens an undelivered request again.
    private(set) var grant: String?

    enum Step: Hashable {
        case ask(after: Duration)
        case end(ExitStatus)
    }

    /// The pause where the server names none, and the longest that it may name.
    private static let standardPause = 2
    private static let longestPause = 30

    init(patience: Duration, retries: Int, grant: String?) {
        self.patience = patience
        self.retries = retries
        self.grant = grant
    }

    mutating func judge(_ answer: PaidAnswer, retryAfterSeconds: Int?) -> Step {
        let pause = Duration.seconds(min(max(retryAfterSeconds ?? Self.standardPause, 1), Self.longestPause))
        switch answer {
        case .delivered: return .end(.success)
        case .refused: return .end(.paymentNotAccepted)
        case .failed: return .end(.failure)
        case .pending:
            guard pause <= patience else { return .end(.fateUnknown) }
            patience -= pause
            return .ask(after: pause)
        case .undelivered(_, let token):
            grant = token ?? grant
            guard retries > 0 else { return .end(.undelivered) }
            retries -= 1
            return .ask(after: pause)
        }
    }
}
