package import Transport

/// A chain's nodes behind their URLs, asked in turn.
///
/// The first that can be asked is; the next when it fails. A transaction goes to the next only where the one before certainly
/// did not take it or answered with an error: silence is waited out on the chain, not papered over.
package final class RPCNode: ChainNode {
    private let endpoints: [RPCEndpoint]
    private let settings: RPCSettings
    private let clock: RailClock

    /// Takes at least one URL, the preferred first.
    package init(urls: [OutgoingURL], client: OutgoingClient, settings: RPCSettings, clock: RailClock = .system) {
        precondition(!urls.isEmpty, "a chain has at least one node")
        endpoints = urls.map { RPCEndpoint($0, client: client, settings: settings, clock: clock) }
        self.settings = settings
        self.clock = clock
    }

    /// Whether any node can be asked as usual.
    package var condition: RailCondition {
        endpoints.contains { $0.isReady } ? .ready : .breakerOpen
    }

    package func ask(_ calls: [RPCRequest]) async throws(ChainError) -> [RPCResult] {
        try await ask(calls, patience: settings.patience)
    }

    package func ask(_ calls: [RPCRequest], patience: Duration) async throws(ChainError) -> [RPCResult] {
        let deadline = clock.now() + min(patience, settings.patience)
        var results: [RPCResult] = []
        results.reserveCapacity(calls.count)
        var start = 0
        while start < calls.count {
            let end = min(start + settings.maxBatch, calls.count)
            results += try await ask(RPCExchange(calls: Array(calls[start..<end])), until: deadline)
            start = end
        }
        return results
    }

    private func ask(_ exchange: RPCExchange, until deadline: Duration) async throws(ChainError) -> [RPCResult] {
        var failure = ChainError(.timeout, "no time is left for the call")
        for attempt in 1... {
            switch try await round(exchange, until: deadline, after: failure) {
            case .answered(let results): return results
            case .failed(let error): failure = error
            }
            guard failure.isPassing, let pause = settings.retry.pause(afterAttempt: attempt, random: clock.random()),
                clock.now() + pause < deadline, (try? await clock.sleep(pause)) != nil
            else { break }
        }
        throw failure
    }

    private enum Round {
        case answered([RPCResult])
        case failed(ChainError)
    }

    /// Asks one node after another.
    private func round(
        _ exchange: RPCExchange, until deadline: Duration, after earlier: ChainError
    ) async throws(ChainError) -> Round {
        var failure: ChainError?
        var mayHaveActed = earlier.mayHaveActed
        for (index, endpoint) in endpoints.enumerated() {
            let left = deadline - clock.now()
            guard left > .zero else { break }
            // A node that hangs leaves the others their share of the time.
            let timeout = min(settings.timeout, left / (endpoints.count - index))
            // Only the last is waited for: before it another may be free.
            let patience = index == endpoints.count - 1 ? left - timeout : .zero
            let reply = await endpoint.ask(exchange, patience: patience, timeout: timeout)
            let error: ChainError
            switch reply {
            case .answered(let results):
                return .answered(mayHaveActed ? results.map(\.afterFailure) : results)
            case .lost(let lost) where exchange.acts: throw lost
            case .lost(let lost): error = lost
            case .turnedDown(let refusal): error = refusal
            }
            mayHaveActed = mayHaveActed || error.mayHaveActed
            // What a node said is worth more than that another was not asked.
            if failure == nil || failure?.code == .breakerOpen { failure = error }
        }
        var error = failure ?? earlier
        error.mayHaveActed = mayHaveActed
        return .failed(error)
    }
}

extension ChainError {
    /// Whether the same question may be answered in a moment.
    fileprivate var isPassing: Bool {
        switch code {
        case .unavailable, .timeout, .rateLimited, .malformedAnswer: true
        case .breakerOpen, .wrongChain, .misconfigured: false
        }
    }
}

extension RPCResult {
    /// The result as it counts after a failure that may have acted: a refusal proves nothing then.
    fileprivate var afterFailure: RPCResult {
        guard case .refused(var refusal) = self else { return self }
        refusal.mayHaveActed = true
        return .refused(refusal)
    }
}
