/// How the nodes of a chain are asked.
package struct RPCSettings: Sendable {
    /// The chain the nodes must be on; nil leaves it unchecked.
    package var chainID: UInt64?
    /// The time one exchange with one node may take.
    package var timeout: Duration
    /// The time all nodes and attempts together may take.
    package var patience: Duration
    /// The most calls in one exchange; more go one exchange after another.
    package var maxBatch: Int
    /// The most bytes of an answer.
    package var maxAnswerBytes: Int
    /// How many calls each node takes.
    package var rate: RateLimiter.Policy
    package var breaker: CircuitBreaker.Policy
    /// How often the nodes are asked in turn.
    package var retry: RetryPolicy

    package init(
        chainID: UInt64?, timeout: Duration = .seconds(5), patience: Duration = .seconds(15), maxBatch: Int = 50,
        maxAnswerBytes: Int = 8 << 20, rate: RateLimiter.Policy = RateLimiter.Policy(perMinute: 3000, burst: 200),
        breaker: CircuitBreaker.Policy = CircuitBreaker.Policy(), retry: RetryPolicy = RetryPolicy()
    ) {
        precondition(maxBatch > 0, "an exchange has at least one call")
        self.chainID = chainID
        self.timeout = timeout
        self.patience = patience
        self.maxBatch = maxBatch
        self.maxAnswerBytes = maxAnswerBytes
        self.rate = rate
        self.breaker = breaker
        self.retry = retry
    }
}
