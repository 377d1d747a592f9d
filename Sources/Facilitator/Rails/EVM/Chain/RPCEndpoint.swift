import Synchronization
import Transport
import X402

/// One node behind one URL: its breaker, its allowance, and whether it is on the right chain.
///
/// The URL may hold a key and is never shown.
final class RPCEndpoint: Sendable {
    private struct State {
        var breaker: CircuitBreaker
        var allowance: RPCAllowance
        var isOnChain: Bool
    }

    private let url: OutgoingURL
    private let client: OutgoingClient
    private let settings: RPCSettings
    private let clock: RailClock
    private let state: Mutex<State>

    init(_ url: OutgoingURL, client: OutgoingClient, settings: RPCSettings, clock: RailClock) {
        self.url = url
        self.client = client
        self.settings = settings
        self.clock = clock
        state = Mutex(
            State(
                breaker: CircuitBreaker(policy: settings.breaker), allowance: RPCAllowance(policy: settings.rate),
                isOnChain: settings.chainID == nil))
    }

    /// What became of an exchange.
    enum Reply: Sendable {
        case answered([RPCResult])
        /// It was not asked, or it answered with an error.
        case turnedDown(ChainError)
        /// It was asked, and nothing that can be read came back.
        case lost(ChainError)
    }

    /// Whether calls are let through as usual.
    var isReady: Bool { state.withLock { $0.breaker.isClosed } }

    /// Asks once; `patience` is how long it may wait for the node's allowance, `timeout` how long the node may take.
    func ask(_ exchange: RPCExchange, patience: Duration, timeout: Duration) async -> Reply {
        if !state.withLock({ $0.isOnChain }), let refusal = await checkChain(patience: patience, timeout: timeout) {
            return refusal
        }
        return await send(exchange, patience: patience, timeout: timeout)
    }

    /// Asks the node for its chain; nil when it is the right one.
    private func checkChain(patience: Duration, timeout: Duration) async -> Reply? {
        let call = ChainQuery.chainID()
        switch await send(RPCExchange(calls: call.requests), patience: patience, timeout: timeout) {
        case .turnedDown(let error), .lost(let error): return .turnedDown(error)
        case .answered(let results):
            var rest = results[...]
            guard let chainID = try? call.take(from: &rest) else {
                fail()
                return .turnedDown(.malformed("the node does not tell its chain"))
            }
            guard chainID == settings.chainID else {
                fail()
                return .turnedDown(ChainError(.wrongChain, "the node is on another chain"))
            }
            state.withLock { $0.isOnChain = true }
            return nil
        }
    }

    private func send(_ exchange: RPCExchange, patience: Duration, timeout: Duration) async -> Reply {
        let wait = state.withLock { $0.allowance.take(exchange.calls.count, now: clock.now(), patience: patience) }
        guard let wait else { return .turnedDown(ChainError(.rateLimited, "no more calls may be made at present")) }
        if wait > .zero, (try? await clock.sleep(wait)) == nil {
            return .turnedDown(ChainError(.unavailable, "the call was cancelled"))
        }
        if case .refused = state.withLock({ $0.breaker.admit(now: clock.now()) }) {
            return .turnedDown(ChainError(.breakerOpen, "the node failed several times in a row"))
        }
        // The same call twice does no harm, a signed transaction included: it is the same transaction.
        let request = OutgoingRequest(
            method: "POST", url: url,
            headers: [(name: "Content-Type", value: "application/json"), (name: "Accept", value: "application/json")],
            body: exchange.body(), timeout: timeout, maxResponseBytes: settings.maxAnswerBytes, isIdempotent: true)
        do throws(TransportError) {
            return reply(to: exchange, from: try await client.send(request))
        } catch {
            return reply(to: exchange, from: error)
        }
    }

    // MARK: Answers

    private func reply(to exchange: RPCExchange, from response: OutgoingResponse) -> Reply {
        switch response.status {
        case 429:
            pause(response.value(of: "Retry-After"))
            return .turnedDown(ChainError(.rateLimited, "the node wants to be asked less"))
        case 401, 403:
            fail()
            return .turnedDown(ChainError(.misconfigured, "the node refuses our credentials"))
        case 300..<400:
            fail()
            return .turnedDown(.malformed("the node redirects, which is not followed", mayHaveActed: exchange.acts))
        default: break
        }
        // Some nodes answer calls that fail with a status that says so too.
        let limits = JSONLimits(maxBytes: settings.maxAnswerBytes)
        switch exchange.read(response.body, limits: limits) {
        case .answered(let results):
            state.withLock { $0.breaker.succeeded() }
            return .answered(results)
        case .refused(let standing, let method):
            return .turnedDown(error(standing, method: method, acts: exchange.acts))
        case .unreadable where response.status < 300:
            fail()
            return .lost(.malformed("the node's answer cannot be read", mayHaveActed: exchange.acts))
        case .unreadable:
            fail()
            let mayHaveActed = exchange.acts && !PeerClient.neverActs(response.status)
            return .turnedDown(
                ChainError(.unavailable, mayHaveActed: mayHaveActed, "the node answered with an error status"))
        }
    }

    private func error(_ standing: RefusalStanding, method: String, acts: Bool) -> ChainError {
        switch standing {
        case .rateLimited:
            pause(nil)
            return ChainError(.rateLimited, "the node wants to be asked less")
        case .notOffered:
            state.withLock { $0.breaker.succeeded() }
            return ChainError(.misconfigured, "the node does not offer a call")
        case .fault, .verdict:
            // Contracts run in these two, so that a payer could have a part in their failing.
            if method == "eth_call" || method == "eth_estimateGas" {
                state.withLock { $0.breaker.succeeded() }
            } else {
                fail()
            }
            return ChainError(.unavailable, mayHaveActed: acts, "the node failed")
        }
    }

    private func reply(to exchange: RPCExchange, from error: TransportError) -> Reply {
        switch error.code {
        case .cancelled, .shutDown, .tooManyConnections, .invalidRequest, .invalidConfiguration: break
        case .responseTooLarge where exchange.asksForLogs:
            // The node did what it was asked; fewer blocks give a smaller answer.
            state.withLock { $0.breaker.succeeded() }
            return .answered([.refused(RPCRefusal(code: 0, message: "response too large"))])
        default: fail()
        }
        let mayHaveActed = error.mayHaveBeenSent && exchange.acts
        let failure =
            switch error.code {
            case .deadlineExceeded, .connectTimeout:
                ChainError(.timeout, mayHaveActed: mayHaveActed, "the node did not answer in time")
            case .malformedResponse, .responseTooLarge, .truncated:
                ChainError.malformed("the node's answer cannot be read", mayHaveActed: mayHaveActed)
            case .invalidRequest, .invalidConfiguration:
                ChainError(.misconfigured, mayHaveActed: mayHaveActed, "the node cannot be called as configured")
            default: ChainError(.unavailable, mayHaveActed: mayHaveActed, "the node cannot be reached")
            }
        return error.mayHaveBeenSent ? .lost(failure) : .turnedDown(failure)
    }

    private func fail() {
        state.withLock {
            $0.breaker.failed(now: clock.now())
            // What comes back after a failure may be another node.
            if !$0.breaker.isClosed { $0.isOnChain = settings.chainID == nil }
        }
    }

    private func pause(_ retryAfter: String?) {
        let seconds = retryAfter.flatMap { UInt16($0) }.map { Duration.seconds(Int($0)) } ?? .seconds(1)
        state.withLock {
            $0.breaker.succeeded()
            $0.allowance.pause(for: seconds, now: clock.now())
        }
    }
}

extension RPCExchange {
    fileprivate var asksForLogs: Bool { calls.count == 1 && calls[0].method == "eth_getLogs" }
}
