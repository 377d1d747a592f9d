import NIOCore

/// One attempt at one request, from taking or opening a connection to its outcome.
///
/// Lives on the loop of its connection. Ends exactly once: by the connection, by a timer, or by `fail`.
final class OutgoingExchange {
    /// How an attempt ended.
    enum Outcome: Sendable {
        case response(OutgoingResponse)
        case failed(TransportError)
        /// A kept connection was dead, and trying again on a new one does no harm.
        case stale(TransportError)
    }

    let message: RequestMessage
    /// How the connection, or the attempt to open one, is broken off.
    var breakOff: (() -> Void)?
    /// Whether the request was handed to the connection.
    var isSent = false

    private let loop: any EventLoop
    private var continuation: CheckedContinuation<Outcome, Never>?
    private var outcome: Outcome?
    private var deadline: Scheduled<Void>?
    private var connectDeadline: Scheduled<Void>?

    init(_ message: RequestMessage, loop: any EventLoop) {
        self.message = message
        self.loop = loop
    }

    /// Whether nobody waits for this attempt any more.
    var isOver: Bool { outcome != nil }

    /// Starts the clock of the attempt, whose outcome `continuation` receives.
    func begin(_ continuation: CheckedContinuation<Outcome, Never>, until time: NIODeadline) {
        if let outcome { return continuation.resume(returning: outcome) }
        self.continuation = continuation
        deadline = loop.assumeIsolated().scheduleTask(deadline: time) { self.fail(.deadlineExceeded) }
    }

    /// Starts the clock of connecting.
    func beginConnecting(timeout: TimeAmount) {
        connectDeadline = loop.assumeIsolated().scheduleTask(in: timeout) { self.fail(.connectTimeout) }
    }

    /// Stops the clock of connecting.
    func endConnecting() {
        connectDeadline?.cancel()
        connectDeadline = nil
    }

    /// Ends the attempt from outside its connection, which is closed.
    func fail(_ code: TransportError.Code) {
        guard !isOver else { return }
        let breakOff = breakOff
        finish(.failed(TransportError(code)))
        breakOff?()
    }

    /// Ends the attempt.
    func finish(_ result: Outcome) {
        guard !isOver else { return }
        endConnecting()
        deadline?.cancel()
        breakOff = nil
        let outcome = noteSending(result)
        self.outcome = outcome
        continuation?.resume(returning: outcome)
        continuation = nil
    }

    private func noteSending(_ outcome: Outcome) -> Outcome {
        guard isSent else { return outcome }
        return switch outcome {
        case .response: outcome
        case .failed(let error): .failed(error.afterSending())
        case .stale(let error): .stale(error.afterSending())
        }
    }
}
