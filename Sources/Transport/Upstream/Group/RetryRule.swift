/// Whether a request that failed may be sent to another server.
enum RetryRule {
    /// Never after a byte of the answer, never after the body began to flow, and without proof that nothing was sent only
    /// where twice is the same as once (RFC 9110 §9.2.2).
    ///
    /// - Parameters:
    ///   - wasSent: Whether any connection has carried the request.
    ///   - isRepeatable: Whether it may be sent twice; never true of a paid request, nor of one with a body.
    static func allows(_ error: UpstreamError, wasSent: Bool, isRepeatable: Bool) -> Bool {
        switch error {
        case .connectFailed, .connectTimeout, .certificateRefused, .notHTTP2, .notProcessed, .queueFull, .poolClosed:
            !wasSent || isRepeatable
        case .closedBeforeResponse: isRepeatable
        case .queueTimeout, .firstByteTimeout, .idleTimeout, .brokenOff, .malformedResponse, .headTooLarge,
            .responseTooLarge, .noServer:
            false
        }
    }
}

/// How many retries the requests of a loop have earned, so that retries cannot multiply an outage.
struct RetryBudget: Equatable {
    /// Retries that are there at first, for upstreams with few requests.
    static let start = 10
    /// The most that are saved up.
    static let most = 100

    private let percent: Int
    /// In hundredths of a retry.
    private var balance = RetryBudget.start * 100

    init(percent: Int) { self.percent = percent }

    /// A request was sent for the first time.
    mutating func earn() {
        balance = min(balance + percent, Self.most * 100)
    }

    var hasOne: Bool { balance >= 100 }

    /// Takes a retry, if one is left.
    mutating func spend() -> Bool {
        guard hasOne else { return false }
        balance -= 100
        return true
    }
}
