import EVM
import Facilitator
import Ledger
import Primitives
import Synchronization
import X402

/// A remote rail whose verdicts and fates are set by the test; terms and signatures are those of the mock.
final class StubRail: Rail {
    private struct State {
        var verify: @Sendable () throws(RailError) -> Void = {}
        var settle: @Sendable (Int) -> SettleOutcome = { _ in .settled(transaction: "0xtx", payer: nil) }
        var reconcile: SettleOutcome = .unknown(transaction: nil)
        var orders: [SettleOrder] = []
        var verifications = 0
        var reconciliations = 0
        var gate: [CheckedContinuation<Void, Never>] = []
        var whenHeld: [CheckedContinuation<Void, Never>] = []
        var isHeld = false
    }

    let id = "stub"
    let kinds: [SupportedKind]
    let signers: [(pattern: String, signers: [String])] = []
    let settlement = SettlementStyle.remote
    private let mock: MockEVMRail
    private let state = Mutex(State())

    init() {
        let scope = AdapterScope(id: "stub", networks: [Fixture.pattern("eip155:*")])
        mock = MockEVMRail(scope, settings: MockEVMSettings())
        kinds = mock.kinds
    }

    var orders: [SettleOrder] { state.withLock { $0.orders } }
    var verifications: Int { state.withLock { $0.verifications } }
    var reconciliations: Int { state.withLock { $0.reconciliations } }

    func onVerify(_ verify: @escaping @Sendable () throws(RailError) -> Void) {
        state.withLock { $0.verify = verify }
    }

    /// What becomes of the first, second … order.
    func onSettle(_ settle: @escaping @Sendable (Int) -> SettleOutcome) {
        state.withLock { $0.settle = settle }
    }

    func onReconcile(_ outcome: SettleOutcome) {
        state.withLock { $0.reconcile = outcome }
    }

    /// Makes settlements wait until `release`.
    func hold() {
        state.withLock { $0.isHeld = true }
    }

    /// Returns once a settlement waits.
    func held() async {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                if state.gate.isEmpty { state.whenHeld.append(continuation) }
                return !state.gate.isEmpty
            }
            if isHeld { continuation.resume() }
        }
    }

    func release() {
        let waiting = state.withLock { state in
            state.isHeld = false
            defer { state.gate = [] }
            return state.gate
        }
        for continuation in waiting { continuation.resume() }
    }

    func identity(of payment: Payment, for requirements: PaymentRequirements) -> PaymentIdentity? {
        mock.identity(of: payment, for: requirements)
    }

    func verifyLocally(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime, keys: inout PublicKeyCache
    ) -> LocalVerdict {
        .needsNetwork
    }

    func verify(
        _ payment: Payment, for requirements: PaymentRequirements, now: UnixTime
    ) async throws(RailError) -> VerifyOutcome {
        let verify = state.withLock { state in
            state.verifications += 1
            return state.verify
        }
        try verify()
        return try await mock.verify(payment, for: requirements, now: now)
    }

    func settle(_ order: SettleOrder) async -> SettleOutcome {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let due = state.withLock { state in
                guard state.isHeld else { return [continuation] }
                state.gate.append(continuation)
                defer { state.whenHeld = [] }
                return state.whenHeld
            }
            for waiting in due { waiting.resume() }
        }
        let (settle, number) = state.withLock { state in
            state.orders.append(order)
            return (state.settle, state.orders.count)
        }
        return settle(number)
    }

    func reconcile(_ record: PaymentRecord) async -> SettleOutcome {
        state.withLock { state in
            state.reconciliations += 1
            return state.reconcile
        }
    }
}
