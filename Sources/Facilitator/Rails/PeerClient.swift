import Synchronization
package import Transport

/// Calls one peer of a rail with JSON, behind a breaker.
///
/// Redirects are not followed, answers are capped, and every call has a deadline; what an answer means is the rail's matter.
package final class PeerClient: Sendable {
    /// The most bytes of an answer that are read (as the official TypeScript SDK).
    package static let maxAnswerBytes = 1 << 20

    private let adapter: String
    private let client: OutgoingClient
    private let apiKey: Secret?
    private let breaker: Mutex<CircuitBreaker>
    private let maxAnswerBytes: Int
    package let clock: RailClock

    package init(
        adapter: String, client: OutgoingClient, apiKey: Secret?, breaker: CircuitBreaker.Policy, clock: RailClock,
        maxAnswerBytes: Int = PeerClient.maxAnswerBytes
    ) {
        self.maxAnswerBytes = maxAnswerBytes
        self.adapter = adapter
        self.client = client
        self.apiKey = apiKey
        self.breaker = Mutex(CircuitBreaker(policy: breaker))
        self.clock = clock
    }

    /// What became of a call.
    package enum Reply: Sendable {
        /// A complete answer, whatever its status.
        case answered(status: Int, body: [UInt8])
        /// The peer cannot have acted upon the call.
        case notSent(RailError)
        /// It may have: the call went out and no complete answer came.
        case lost(RailError)
    }

    /// A reply, and what earlier attempts of the call may have done.
    package struct Asked: Sendable {
        package var reply: Reply
        /// Whether an earlier attempt may have been acted upon, so that a refusal now proves nothing.
        package var mayHaveActed = false
    }

    package var condition: RailCondition {
        breaker.withLock { $0.isClosed } ? .ready : .breakerOpen
    }

    /// Posts a JSON text, again after a pause where that does no harm.
    package func post(_ url: OutgoingURL, _ call: PeerCall) async -> Asked {
        let deadline = clock.now() + call.timeout
        var asked = Asked(reply: .notSent(RailError(.timeout, adapter: adapter, "no time is left for the call")))
        for attempt in 1... {
            let left = deadline - clock.now()
            guard left > .zero else { break }
            asked.reply = await send(call.request(to: url, timeout: left, maxAnswerBytes: maxAnswerBytes))
            switch asked.reply {
            case .notSent(let error) where error.code == .unavailable || error.code == .timeout: break
            case .answered(429, _): break
            case .answered(500..., _) where call.mayRepeat, .lost where call.mayRepeat: asked.mayHaveActed = true
            case .answered, .notSent, .lost: return asked
            }
            guard let pause = call.retry?.pause(afterAttempt: attempt, random: clock.random()),
                clock.now() + pause < deadline, (try? await clock.sleep(pause)) != nil
            else { break }
        }
        return asked
    }

    /// Gets a JSON text.
    package func get(_ url: OutgoingURL, timeout: Duration) async -> Reply {
        await send(
            OutgoingRequest(
                url: url, headers: [(name: "Accept", value: "application/json")], timeout: timeout,
                maxResponseBytes: maxAnswerBytes))
    }

    /// Tells the breaker whether an answer of status 2xx could be believed; due for every one of them.
    package func report(believed: Bool) {
        breaker.withLock { believed ? $0.succeeded() : $0.failed(now: clock.now()) }
    }

    private func send(_ request: OutgoingRequest) async -> Reply {
        if case .refused = breaker.withLock({ $0.admit(now: clock.now()) }) {
            return .notSent(RailError(.breakerOpen, adapter: adapter, "the peer failed several times in a row"))
        }
        var request = request
        apiKey?.reveal { request.headers.append((name: "Authorization", value: "Bearer \($0)")) }
        do {
            let response = try await client.send(request)
            // A turned-down request is an answer; a redirect or a server error is a failure of the peer. Of a 2xx only
            // its reader can tell.
            switch response.status {
            case 200..<300: break
            case 400..<500: breaker.withLock { $0.succeeded() }
            default: breaker.withLock { $0.failed(now: clock.now()) }
            }
            return .answered(status: response.status, body: response.body)
        } catch {
            breaker.withLock { $0.failed(now: clock.now()) }
            return error.mayHaveBeenSent ? .lost(railError(error)) : .notSent(railError(error))
        }
    }

    /// Whether a peer that answers with this status has certainly not acted upon the call.
    package static func neverActs(_ status: Int) -> Bool {
        [401, 403, 404, 405, 413, 415, 429].contains(status)
    }

    private func railError(_ error: TransportError) -> RailError {
        switch error.code {
        case .deadlineExceeded, .connectTimeout:
            RailError(.timeout, adapter: adapter, "the peer did not answer in time")
        case .malformedResponse, .responseTooLarge, .truncated:
            RailError(.malformedAnswer, adapter: adapter, "the peer's answer cannot be read")
        case .invalidRequest, .invalidConfiguration:
            RailError(.misconfigured, adapter: adapter, "the peer cannot be called as configured")
        default: RailError(.unavailable, adapter: adapter, "the peer cannot be reached")
        }
    }
}

/// A call to make, and how often.
package struct PeerCall: Sendable {
    package var body: [UInt8]
    package var idempotencyKey: String?
    /// Whether the call may be made again although the peer may have acted upon it.
    package var mayRepeat: Bool
    /// The time all attempts may take together.
    package var timeout: Duration
    /// Nil for a single attempt.
    package var retry: RetryPolicy?

    package init(
        body: [UInt8], idempotencyKey: String? = nil, mayRepeat: Bool, timeout: Duration, retry: RetryPolicy? = nil
    ) {
        self.body = body
        self.idempotencyKey = idempotencyKey
        self.mayRepeat = mayRepeat
        self.timeout = timeout
        self.retry = retry
    }

    fileprivate func request(to url: OutgoingURL, timeout: Duration, maxAnswerBytes: Int) -> OutgoingRequest {
        var headers = [(name: "Content-Type", value: "application/json"), (name: "Accept", value: "application/json")]
        if let idempotencyKey { headers.append((name: "Idempotency-Key", value: idempotencyKey)) }
        var request = OutgoingRequest(
            method: "POST", url: url, headers: headers, body: body, timeout: timeout,
            maxResponseBytes: maxAnswerBytes, isIdempotent: mayRepeat)
        // A kept connection may be dead already, and then nobody knows whether the call arrived.
        request.reusesConnection = mayRepeat
        return request
    }
}

extension RailError {
    /// The error for a status that is no verdict.
    static func status(_ status: Int, adapter: String) -> RailError {
        switch status {
        case 401, 403: RailError(.misconfigured, adapter: adapter, "the peer refuses our credentials")
        case 300..<400: RailError(.malformedAnswer, adapter: adapter, "the peer redirects, which is not followed")
        default: RailError(.unavailable, adapter: adapter, "the peer answered with an error status")
        }
    }
}
