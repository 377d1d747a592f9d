import Ledger
import Primitives
import Synchronization
import X402

/// A ledger with failures and delays, and a list of what it was asked.
final class ScriptedLedger: PaymentLedger {
    struct Transition: Sendable {
        let event: PaymentEvent
        let outcome: ApplyOutcome?

        var word: String { event.word }
        /// `value/service` after it, empty where it was not applied.
        var state: String {
            guard case .applied(let state) = outcome else { return "" }
            return "\(state.value.word)/\(state.service.word)"
        }
    }

    private struct Script {
        var failsReserve = false
        var failing: Set<String> = []
        var gates: [String: Gate] = [:]
    }

    let inner: any PaymentLedger
    let claims = Notebook<Claim>()
    let transitions = Notebook<Transition>()
    /// What shadow mode wrote, as it came.
    let shadows = Notebook<ShadowLine>()
    let shadowFailures = Notebook<Void>()
    private let script = Mutex(Script())

    init(_ inner: any PaymentLedger = MemoryLedger()) { self.inner = inner }

    static let failure = LedgerError(.full, "the disk is full")

    /// Makes claims fail, or no longer.
    func failReserve(_ fails: Bool = true) { script.withLock { $0.failsReserve = fails } }

    /// Makes transitions of these words fail; none to have all succeed.
    func fail(_ words: Set<String>) { script.withLock { $0.failing = words } }

    /// Delays the answers to a word (`reserve` for claims) until the gate opens.
    func hold(_ word: String) -> Gate {
        let gate = Gate()
        script.withLock { $0.gates[word] = gate }
        return gate
    }

    func openAllGates() {
        for gate in script.withLock({ $0.gates.values }) { gate.open() }
    }

    func reserve(
        _ request: ReserveRequest, reply: @escaping @Sendable (Result<ReserveOutcome, LedgerError>) -> Void
    ) {
        claims.note(request.claim)
        let (fails, gate) = script.withLock { ($0.failsReserve, $0.gates["reserve"]) }
        let answer = delayed(reply, by: gate)
        if fails { return answer(.failure(Self.failure)) }
        inner.reserve(request, reply: answer)
    }

    func apply(
        _ event: PaymentEvent, to reference: PaymentReference, now: UnixTime,
        reply: @escaping @Sendable (Result<ApplyOutcome, LedgerError>) -> Void
    ) {
        let (fails, gate) = script.withLock { ($0.failing.contains(event.word), $0.gates[event.word]) }
        let answer = delayed(reply, by: gate)
        if fails {
            transitions.note(Transition(event: event, outcome: nil))
            return answer(.failure(Self.failure))
        }
        inner.apply(event, to: reference, now: now) { result in
            self.transitions.note(Transition(event: event, outcome: try? result.get()))
            answer(result)
        }
    }

    func addShadow(_ lines: [ShadowLine], reply: @escaping @Sendable (Result<Void, LedgerError>) -> Void) {
        if script.withLock({ $0.failing.contains("shadow") }) {
            reply(.failure(Self.failure))
            return shadowFailures.note(())
        }
        inner.addShadow(lines) { result in
            reply(result)
            for line in lines { self.shadows.note(line) }
        }
    }

    private func delayed<Value: Sendable>(
        _ reply: @escaping @Sendable (Value) -> Void, by gate: Gate?
    ) -> @Sendable (Value) -> Void {
        guard let gate else { return reply }
        return { value in
            Task {
                await gate.pass()
                reply(value)
            }
        }
    }

    func keep(_ answer: KeptAnswer, under identifier: Bytes32, of payment: PaymentIdentity) {
        inner.keep(answer, under: identifier, of: payment)
    }

    func payment(_ identity: PaymentIdentity) async throws(LedgerError) -> PaymentRecord? {
        try await inner.payment(identity)
    }

    func payment(publicID: String) async throws(LedgerError) -> PaymentRecord? {
        if script.withLock({ $0.failing.contains("payment") }) { throw Self.failure }
        return try await inner.payment(publicID: publicID)
    }

    func payments(_ query: PaymentQuery) async throws(LedgerError) -> [PaymentRecord] {
        try await inner.payments(query)
    }

    func recover(now: UnixTime) async throws(LedgerError) -> [PaymentRecord] { try await inner.recover(now: now) }

    func health() async -> LedgerHealth { await inner.health() }

    func close() async { await inner.close() }
}

extension PaymentEvent {
    /// The event's name.
    var word: String {
        switch self {
        case .settle: "settle"
        case .charged: "charged"
        case .sent: "sent"
        case .settled: "settled"
        case .released: "released"
        case .uncertain: "uncertain"
        case .delivered: "delivered"
        case .undelivered: "undelivered"
        case .owed: "owed"
        case .deferred: "deferred"
        case .writtenOff: "writtenOff"
        case .expired: "expired"
        case .renewed: "renewed"
        }
    }
}
